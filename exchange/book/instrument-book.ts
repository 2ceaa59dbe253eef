import type { Units } from '../amount/units.js';
import type { Instrument } from '../market/instrument.js';
import { leavesQuantity, type Order } from '../matching/order.js';
import type { DepthLevel, SimulatedDepth } from './depth.js';
import { RestingBook } from './resting.js';
import { opposite, type Side } from './side.js';

/** A public trade, whoever its parties are. */
export interface PublicTrade {
  readonly id: number;
  readonly symbol: string;
  readonly price: Units;
  readonly quantity: Units;
  readonly quote: Units;
  readonly time: number;
  readonly buyerMaker: boolean;
}

/** What a taker meets next. */
export interface Counterparty {
  readonly price: Units;
  readonly quantity: Units;
  /** `undefined`: the simulated book. */
  readonly order: Order | undefined;
}

const RECENT_TRADES = 1000;

/** All that belongs to trading one instrument: the simulated depth, resting and waiting orders, the last price. */
export class InstrumentBook {
  readonly instrument: Instrument;
  readonly depth: SimulatedDepth;
  readonly resting = new RestingBook();
  /** Conditional orders that wait for their price, oldest first. */
  readonly waiting = new Set<Order>();
  readonly recentTrades: PublicTrade[] = [];
  lastPrice: Units = 0n;
  /** By hand. */
  halted = false;
  /** The data have ended and are not played again. */
  ended = false;
  nextTradeId: number;
  /** Of the last change of the book that the depth streams have been told of. */
  updateId: number;

  constructor(instrument: Instrument, depth: SimulatedDepth, firstTradeId: number) {
    this.instrument = instrument;
    this.depth = depth;
    this.nextTradeId = firstTradeId;
    this.updateId = firstTradeId;
  }

  /** No orders are taken. */
  get isClosed(): boolean {
    return this.halted || this.ended;
  }

  /** The best thing that an order of this side can trade with. At one price the simulated quantity that was there earlier goes first. */
  meets(side: Side): Counterparty | undefined {
    const against = opposite(side);
    const simulated = this.depth.best(against);
    const price = this.resting.best(against);
    if (price === undefined || (simulated !== undefined && isBetter(against, simulated.price, price))) {
      return simulated === undefined ? undefined : { ...simulated, order: undefined };
    }
    const order = this.resting.at(against, price)[0] as Order;
    if (simulated?.price === price && order.ahead > 0n) {
      return { price, quantity: order.ahead < simulated.quantity ? order.ahead : simulated.quantity, order: undefined };
    }
    return { price, quantity: leavesQuantity(order), order };
  }

  /** Takes simulated quantity away; what waits behind it at the same price moves up. */
  consume(side: Side, price: Units, quantity: Units): void {
    const against = opposite(side);
    this.depth.consume(against, price, quantity);
    this.advance(against, price, quantity);
  }

  /** Orders that rest at this price have that much less before them. */
  advance(side: Side, price: Units, quantity: Units): void {
    for (const order of this.resting.at(side, price)) order.ahead = order.ahead > quantity ? order.ahead - quantity : 0n;
  }

  /** The whole book of one side, best first. */
  levels(side: Side, count: number): DepthLevel[] {
    const own = this.resting.levels(side);
    const simulated = this.depth.levels(side, count);
    const merged: DepthLevel[] = [];
    for (let [left, right] = [0, 0]; merged.length < count && (left < own.length || right < simulated.length);) {
      const [mine, theirs] = [own[left], simulated[right]];
      if (mine !== undefined && theirs !== undefined && mine.price === theirs.price) {
        merged.push({ price: mine.price, quantity: mine.quantity + theirs.quantity });
        left += 1;
        right += 1;
      } else if (theirs === undefined || (mine !== undefined && isBetter(side, mine.price, theirs.price))) {
        merged.push(mine as DepthLevel);
        left += 1;
      } else {
        merged.push(theirs);
        right += 1;
      }
    }
    return merged;
  }

  print(trade: PublicTrade): void {
    this.lastPrice = trade.price;
    this.recentTrades.push(trade);
    if (this.recentTrades.length >= 2 * RECENT_TRADES) this.recentTrades.splice(0, RECENT_TRADES);
  }
}

/** On a side of the book: bids are better when higher, asks when lower. */
export function isBetter(side: Side, price: Units, than: Units): boolean {
  return side === 'BUY' ? price > than : price < than;
}
