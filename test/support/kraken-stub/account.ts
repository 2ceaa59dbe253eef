import { Decimal, decimal, text, ZERO } from '../../../core/money/index.js';
import { isOnStep } from '../../../core/money/step.js';
import type { StubError } from './errors.js';

export interface StubOrder {
  readonly txid: string;
  readonly clientOrderId: string | undefined;
  readonly side: 'buy' | 'sell';
  readonly ordertype: 'limit' | 'stop-loss' | 'stop-loss-limit';
  readonly price: Decimal;
  readonly price2: Decimal;
  readonly volume: Decimal;
  readonly timeinforce: string;
  readonly oflags: string;
  readonly openTime: number;
  readonly trades: StubTrade[];
  status: 'open' | 'closed' | 'canceled';
  isTriggered: boolean;
  closeTime: number | undefined;
}

export interface StubTrade {
  readonly id: string;
  readonly order: StubOrder;
  readonly price: Decimal;
  readonly volume: Decimal;
  /** In the quote asset, as lists say it … */
  readonly fee: Decimal;
  /** … and what was taken. */
  readonly paid: { readonly in: 'base' | 'quote'; readonly amount: Decimal };
  readonly isMaker: boolean;
  readonly time: number;
}

export type NewOrder = Omit<StubOrder, 'txid' | 'openTime' | 'trades' | 'status' | 'isTriggered' | 'closeTime'>;

export const TICK = decimal('0.1');
export const LOT = decimal('0.00000001');
export const ORDER_MINIMUM = decimal('0.0001');
export const COST_MINIMUM = decimal('0.5');
/** Dollars are kept in so many places: what a trade costs, and its fee, are each rounded to them ("Decimal precision for API calculations"). */
export const QUOTE_PLACES = 4;
const FEE_RATIO = decimal('0.0026');
/** More than this is filled in several trades. */
const TRADE_SIZE = decimal('0.01');

const kept = (amount: Decimal): Decimal => amount.toDecimalPlaces(QUOTE_PLACES, Decimal.ROUND_HALF_UP);
const sum = (values: readonly Decimal[]): Decimal => values.reduce((total, value) => total.add(value), ZERO);
export const executed = (order: StubOrder): Decimal => sum(order.trades.map((trade) => trade.volume));

/** One account on one instrument: bitcoin, any amount of it on offer one tick from the last price. */
export class StubAccount {
  readonly orders: StubOrder[] = [];
  readonly trades: StubTrade[] = [];
  last = decimal('50000');
  readonly #now: () => number;
  #withdrawn = ZERO;
  readonly #start = { quote: decimal('100000'), base: decimal('2') };

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is refused, in the venue's words, or the order. */
  place(order: NewOrder): StubError | StubOrder {
    const refusal = this.#refusal(order);
    if (refusal !== undefined) return refusal;
    const placed: StubOrder = {
      ...order,
      txid: idOf('O', this.orders.length),
      openTime: this.#now(),
      trades: [],
      status: 'open',
      isTriggered: false,
      closeTime: undefined,
    };
    this.orders.push(placed);
    this.#work(placed, false);
    if (placed.status === 'open' && order.timeinforce !== 'GTC') this.#close(placed, 'canceled');
    return placed;
  }

  cancel(match: (order: StubOrder) => boolean): number {
    const open = this.orders.filter((order) => order.status === 'open' && match(order));
    for (const order of open) this.#close(order, 'canceled');
    return open.length;
  }

  /** Trades at a new price: stops wake, and what rests there fills. */
  moveTo(price: string): void {
    this.last = decimal(price);
    for (const order of this.orders) if (order.status === 'open') this.#work(order, true);
  }

  /** Takes so much of the quote asset away, without a trade. */
  withdraw(amount: string): void {
    this.#withdrawn = this.#withdrawn.add(decimal(amount));
  }

  /** Fills part of a resting order, as somebody else's order would. */
  fillPart(order: StubOrder, volume: string): void {
    this.#trade(order, order.price, decimal(volume), true);
    if (executed(order).eq(order.volume)) this.#close(order, 'closed');
  }

  balances(): Readonly<Record<'quote' | 'base', { readonly balance: Decimal; readonly hold: Decimal }>> {
    const bought = this.trades.filter(({ order }) => order.side === 'buy');
    const sold = this.trades.filter(({ order }) => order.side === 'sell');
    const volume = (trades: readonly StubTrade[]): Decimal => sum(trades.map((trade) => trade.volume));
    const cost = (trades: readonly StubTrade[]): Decimal => sum(trades.map((trade) => kept(trade.volume.mul(trade.price))));
    const open = this.orders.filter((order) => order.status === 'open');
    const left = (side: 'buy' | 'sell', each: (order: StubOrder) => Decimal): Decimal =>
      sum(open.filter((order) => order.side === side).map((order) => order.volume.sub(executed(order)).mul(each(order))));
    return {
      quote: {
        balance: this.#start.quote.sub(this.#withdrawn).sub(cost(bought)).add(cost(sold)).sub(this.#paid('quote')),
        hold: left('buy', (order) => order.price),
      },
      base: {
        balance: this.#start.base.add(volume(bought)).sub(volume(sold)).sub(this.#paid('base')),
        hold: left('sell', () => decimal('1')),
      },
    };
  }

  #paid(asset: 'base' | 'quote'): Decimal {
    return sum(
      this.trades.filter(({ paid }) => paid.in === asset).map(({ paid }) => (asset === 'quote' ? kept(paid.amount) : paid.amount)),
    );
  }

  #refusal(order: NewOrder): StubError | undefined {
    const isOpen = this.orders.some((other) => other.status === 'open' && other.clientOrderId === order.clientOrderId);
    // That the id is unique among open orders is documented, with which words a second one is refused is not.
    if (order.clientOrderId !== undefined && isOpen) return 'EGeneral:Invalid arguments:cl_ord_id';
    if (order.volume.lt(ORDER_MINIMUM)) return 'EOrder:Order minimum not met';
    if (order.volume.mul(order.price).lt(COST_MINIMUM)) return 'EOrder:Cost minimum not met';
    if (!isOnStep(order.price, TICK) || !isOnStep(order.price2, TICK)) return 'EOrder:Tick size check failed';
    if (!isOnStep(order.volume, LOT)) return 'EGeneral:Invalid arguments:volume';
    const { quote, base } = this.balances();
    const free = order.side === 'buy' ? quote.balance.sub(quote.hold).div(order.price) : base.balance.sub(base.hold);
    if (order.volume.gt(free)) return 'EOrder:Insufficient funds';
    if (order.oflags.includes('post') && this.#crosses(order.side, order.price)) return 'EOrder:Post only order';
    return undefined;
  }

  #crosses(side: 'buy' | 'sell', limit: Decimal): boolean {
    return side === 'buy' ? limit.gte(this.last.add(TICK)) : limit.lte(this.last.sub(TICK));
  }

  #work(order: StubOrder, isMaker: boolean): void {
    const isStop = order.ordertype !== 'limit';
    if (isStop && !order.isTriggered) {
      if (order.side === 'sell' ? this.last.gt(order.price) : this.last.lt(order.price)) return;
      order.isTriggered = true;
    }
    const market = order.side === 'buy' ? this.last.add(TICK) : this.last.sub(TICK);
    const limit = order.ordertype === 'stop-loss' ? market : isStop ? order.price2 : order.price;
    if (!this.#crosses(order.side, limit)) return;
    const rests = isMaker && !isStop;
    for (let left = order.volume.sub(executed(order)); left.gt(0); left = order.volume.sub(executed(order))) {
      this.#trade(order, rests ? limit : market, Decimal.min(left, TRADE_SIZE), rests);
    }
    this.#close(order, 'closed');
  }

  #trade(order: StubOrder, price: Decimal, volume: Decimal, isMaker: boolean): void {
    const fee = price.mul(volume).mul(FEE_RATIO);
    const paid = order.oflags.includes('fcib')
      ? ({ in: 'base', amount: volume.mul(FEE_RATIO).toDecimalPlaces(10) } as const)
      : ({ in: 'quote', amount: fee } as const);
    const trade = { id: idOf('T', this.trades.length), order, price, volume, fee, paid, isMaker, time: this.#now() };
    order.trades.push(trade);
    this.trades.push(trade);
  }

  #close(order: StubOrder, status: 'closed' | 'canceled'): void {
    order.status = status;
    order.closeTime = this.#now();
  }
}

/** Ids in the venue's form: `OAAAAA-AAAAA-AAAAAB`. */
function idOf(kind: 'O' | 'T', index: number): string {
  const letters = index.toString(26).replace(/./g, (digit) => String.fromCharCode(65 + Number.parseInt(digit, 26)));
  const padded = letters.padStart(16, 'A');
  return `${kind}${padded.slice(0, 5)}-${padded.slice(5, 10)}-${padded.slice(10)}`;
}

export const digits = (value: Decimal, places: number): string => decimal(text(value)).toFixed(places);
