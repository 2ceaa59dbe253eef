import type { Venue } from '../../../activities/ports/venue.js';
import { decimal, floorToStep, text, ZERO, type Decimal, type DecimalText } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import type { StoredOrder } from '../../../core/order/stored-order.js';
import { ownerWorkflowId } from '../../../core/protection/position-key.js';
import { signalWorkflowId, type TradeSignal } from '../../../core/signal/signal.js';
import { plainText, unitsOf } from '../../../exchange/amount/units.js';
import type { Order } from '../../../exchange/matching/order.js';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import { INSTRUMENT, testSignal, type Ledger } from '../../support/ledger.js';
import type { OrderWorker } from '../../support/order-worker.js';
import { VENUE_ACCOUNT, type PaperAccount } from '../../support/paper-account.js';
import { BarWatch } from './bars.js';
import type { Plan } from './plan.js';
import { answered, ends, until } from './wait.js';

const SYMBOL = 'BTCUSDT';
const PRICE = '50000';
const STEP = '0.000001' as DecimalText;
const MIN_NOTIONAL = 5;
/** At the edge of an exit's collar, and at a stop's limit: what is worth less there is refused, or has no stop. */
const EXIT_RATIO = '0.995';
const STOP_RATIO = '0.975';

/** What the ledger says of the lane's position: as much of it as an exit could sell, and as a stop could protect. */
export interface Holding {
  readonly sellable: Decimal;
  readonly protectable: Decimal;
  readonly open: readonly StoredOrder[];
}

export const describe = ({ protectable, open }: Holding): string =>
  [`holds ${text(protectable)}`, ...open.map(({ intentId, status, quantity }) => `${intentId} of ${quantity} is ${status}`)].join(', ');

/** Whether a lane's venue offers stops at the market, now. */
export interface StopOffer {
  marketStop: boolean;
}

/** The venue offers what it is made to offer. */
export const offering =
  (offer: StopOffer) =>
  (venue: Venue): Venue => ({
    ...venue,
    reader: { ...venue.reader, instruments: async () => (await venue.reader.instruments()).map((one) => ({ ...one, ...offer })) },
  });

/** One account with its venue, in which stories are told one after the other: what they can see and do. */
export class Lane {
  readonly account: PaperAccount;
  readonly ledger: Ledger;
  readonly bars: BarWatch;
  /** Whether the story has done something by hand. */
  hasActed = false;
  /** The newest line of the venue's journal when the story began. */
  firstLine = 0;
  /** What the signals of the story came to. */
  readonly outcomes: string[] = [];
  private readonly worker: OrderWorker;
  private readonly offer: StopOffer;
  private readonly owed: { readonly asset: string; readonly amount: string }[] = [];
  private rules: readonly InstrumentRules[] | undefined;
  private bar = 0;

  constructor(account: PaperAccount, ledger: Ledger, worker: OrderWorker, offer: StopOffer) {
    this.account = account;
    this.offer = offer;
    this.ledger = ledger;
    this.worker = worker;
    this.bars = new BarWatch(account, ledger, worker);
  }

  get name(): string {
    return this.account.account;
  }

  /** Sets the scene: a calm venue, then the faults of the story. */
  async begin(plan: Plan): Promise<void> {
    const { paper, venue, venueName } = this.account;
    this.hasActed = false;
    this.outcomes.length = 0;
    this.firstLine = this.account.journal().at(-1)?.seq ?? 0;
    const account = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, permissions: ['read', 'trade'] as const };
    paper.openAccount({ ...account, feeAsset: plan.feeAsset }, new Map());
    // Whoever reads the instruments from now on reads this too: the account's own stream does, whenever its turn comes.
    this.offer.marketStop = plan.stop === 'stopMarket';
    this.rules ??= await answered(() => venue.reader.instruments());
    await this.ledger.bars.saveInstruments(
      venueName,
      this.rules.map((one) => ({ ...one, ...this.offer })),
    );
    this.ledger.workEntries(this.name, { execution: plan.execution });
    await this.measureClock();
    this.movePrice(PRICE);
    if (plan.bars) await this.bars.start();
    for (const rule of [...plan.helpers, ...plan.rules]) await this.admin('/faults', rule);
  }

  /** How often the story's own faults have struck; one that is its own fault is told by being told. */
  struck(plan: Plan): number {
    if (plan.rules.length === 0) return Number(this.hasActed || Object.keys(plan.acts).length === 0);
    return this.account.paper.faults
      .list()
      .slice(plan.helpers.length)
      .reduce((sum, rule) => sum + rule.struck, 0);
  }

  /** The venue is well again; what it had refused can be had. */
  async calm(): Promise<void> {
    const { paper } = this.account;
    paper.faults.clear();
    await this.admin(`/instruments/${SYMBOL}/resume`, {});
    if (paper.clockShiftMs !== 0) await this.shiftClock(0, true);
    for (const { asset, amount } of this.owed.splice(0)) await this.admin('/balances', { account: VENUE_ACCOUNT, asset, amount });
    this.movePrice(PRICE);
  }

  open(validForMs: number): Promise<OrderOutcome> {
    return this.trade(testSignal(this.name, 'open', (this.bar += 1_000), validForMs));
  }

  close(): Promise<OrderOutcome> {
    return this.trade(testSignal(this.name, 'close', (this.bar += 1_000)));
  }

  private async trade(signal: TradeSignal): Promise<OrderOutcome> {
    const { taskQueue, client } = this.worker;
    this.ledger.market.seePrice(this.name, INSTRUMENT, this.lastPrice(), { seenTime: Date.now() });
    const workflowId = signalWorkflowId(signal);
    const running = client.workflow.execute('signalToOrder', { taskQueue, workflowId, args: [signal], workflowTaskTimeout: '5s' });
    const outcome: OrderOutcome = await ends(`the signal to ${signal.leg} does not end`, running);
    this.outcomes.push([signal.leg, outcome.status, ...outcome.codes].join(' '));
    return outcome;
  }

  async holding(): Promise<Holding> {
    const { rows } = await this.ledger.database.pool.query<{ quantity: string; open: StoredOrder[] }>(
      `select coalesce((select sum(quantity) from positions where account = $1), 0)::text as quantity,
         coalesce((select jsonb_agg(order_json(o)) from orders o where account = $1 and final_at is null), '[]') as open`,
      [this.name],
    );
    const { quantity = '0', open = [] } = rows[0] ?? {};
    const whole = floorToStep(decimal(quantity), decimal(STEP));
    const worth = (ratio: string): Decimal => (whole.mul(decimal(this.lastPrice())).mul(ratio).lt(MIN_NOTIONAL) ? ZERO : whole);
    return { sellable: worth(EXIT_RATIO), protectable: worth(STOP_RATIO), open };
  }

  /** Waits until one stop rests for exactly what is held, in the ledger and at the venue, or nothing is held any more. */
  async protectedOrGone(): Promise<'protected' | 'gone'> {
    let seen: Holding | undefined;
    const what = (): string => `the position has no right stop: ${seen === undefined ? 'never looked' : describe(seen)}`;
    return until(what, async () => {
      seen = await this.holding();
      const { protectable, open } = seen;
      if (protectable.isZero()) return open.length === 0 ? 'gone' : undefined;
      const [stop, other] = open;
      if (stop === undefined || other !== undefined || stop.purpose !== 'stop' || stop.status !== 'accepted') return undefined;
      const rests = this.openAtVenue('stop').some((order) => order.clientOrderId === stop.clientOrderId);
      return rests && decimal(stop.quantity).eq(protectable) ? 'protected' : undefined;
    });
  }

  /** Less than the venue would take is left: its owner waits for more to come. */
  async restsWithDust(): Promise<boolean> {
    const { rows } = await this.ledger.database.pool.query<{ is: boolean }>(
      'select coalesce(sum(quantity), 0) >= $2::numeric as is from positions where account = $1',
      [this.name, STEP],
    );
    return rows[0]?.is === true;
  }

  async ownerHasEnded(): Promise<boolean> {
    const key = { account: this.name, strategy: 'momentum', instrument: INSTRUMENT };
    const found = await this.worker.client.workflow
      .getHandle(ownerWorkflowId(key))
      .describe()
      .catch(() => undefined);
    return found?.status.name !== 'RUNNING';
  }

  openAtVenue(which: 'entry' | 'stop'): readonly Order[] {
    const isWanted = ({ side, type }: Order): boolean => (which === 'entry' ? side === 'BUY' : type.startsWith('STOP_LOSS'));
    return this.account.paper.orders.open(VENUE_ACCOUNT, SYMBOL).filter(isWanted);
  }

  lastPrice(): DecimalText {
    return text(decimal(plainText(this.account.paper.books.get(SYMBOL)?.lastPrice ?? 0n)));
  }

  /** The price jumps, and our price stream tells it. */
  movePrice(price: string): void {
    this.account.paper.movePrice(SYMBOL, unitsOf(price), 0n);
    this.quote(price);
  }

  /** Our price stream tells a price. */
  quote(price: string): void {
    this.ledger.market.seePrice(this.name, INSTRUMENT, price as DecimalText, { seenTime: Date.now() });
  }

  /** The price goes just under the stop, or with `gap` far through it and the limit of a stop-limit. */
  async reachStop(gap: boolean): Promise<void> {
    const stop = (await this.holding()).open.find((order) => order.purpose === 'stop');
    if (stop === undefined) return;
    const stopPrice = decimal(stop.stopPrice ?? stop.price);
    this.movePrice(text(floorToStep(stopPrice.mul(gap ? '0.97' : '0.9999'), decimal('0.01'))));
    await until('the position stays after its stop was reached', async () => (await this.holding()).sellable.isZero());
  }

  async admin(path: string, body: object, unless?: RegExp): Promise<void> {
    const response = await fetch(`${this.account.addresses.admin}${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (response.ok) return;
    const answer = await response.text();
    if (unless?.test(answer) !== true) throw new Error(`${path} ${JSON.stringify(body)}: ${answer}`);
  }

  async fillByHand(which: 'entry' | 'stop', percent: number): Promise<void> {
    const [order] = this.openAtVenue(which);
    if (order === undefined) return;
    const leaves = decimal(plainText(order.quantity - order.executed));
    const quantity = percent === 100 ? leaves : floorToStep(leaves.mul(percent).div(100), decimal(STEP));
    // It may end in this very moment.
    if (!quantity.isZero()) await this.admin(`/orders/${order.orderId}/fill`, { quantity: text(quantity) }, /no open order/);
  }

  /** Fills the entry while the request for its cancel is on its way. */
  async fillWhileCanceling(percent: number): Promise<void> {
    await until('the entry is not canceled', async () => (await this.holding()).open.some((order) => order.status === 'pendingCancel'));
    await this.fillByHand('entry', percent);
  }

  async cancelByHand(): Promise<void> {
    const [order] = [...this.openAtVenue('stop'), ...this.openAtVenue('entry')];
    if (order === undefined) return;
    await this.admin(`/orders/${order.orderId}/cancel`, {}, /no open order/);
    await until('the ledger does not see the cancel by hand', async () =>
      (await this.holding()).open.every((one) => one.clientOrderId !== order.clientOrderId),
    );
  }

  /** Takes an amount out of the account, until the venue is well again. */
  private async moveBalance(asset: string, amount: string): Promise<void> {
    await this.admin('/balances', { account: VENUE_ACCOUNT, asset, amount });
    this.owed.push({ asset, amount: text(decimal(amount).negated()) });
  }

  /** Takes what is free of an asset but for so much: how much there was depends on what cases before it have lost. */
  leaveOnly(asset: string, amount: string): Promise<void> {
    const { free } = this.account.paper.ledger.balance(VENUE_ACCOUNT, asset);
    return this.moveBalance(asset, text(decimal(amount).minus(decimal(plainText(free)))));
  }

  async takeBaseUntilRefused(): Promise<void> {
    await this.leaveOnly('BTC', '0');
    await this.stopWasTried();
    await this.calm();
  }

  halt(): Promise<void> {
    return this.admin(`/instruments/${SYMBOL}/halt`, {});
  }

  async haltUntilRefused(): Promise<void> {
    await this.halt();
    await this.stopWasTried();
    await this.calm();
  }

  private async stopWasTried(): Promise<void> {
    await until('no stop was tried', async () => {
      const { rows } = await this.ledger.database.pool.query(
        `select from orders where account = $1 and purpose = 'stop' and status not in ('authorised', 'submitting')
           and created_at > clock_timestamp() - interval '5 s'`,
        [this.name],
      );
      return rows.length > 0;
    });
  }

  /** `known`: we measure it at once; otherwise we still believe what we measured before. */
  async shiftClock(shiftMs: number, known: boolean): Promise<void> {
    await this.admin('/clock', { shiftMs });
    if (known) await this.measureClock();
  }

  private async measureClock(): Promise<void> {
    this.ledger.market.seeClock(this.name, await answered(() => this.account.venue.reader.clock()));
  }
}
