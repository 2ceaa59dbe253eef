import type { Units } from '../amount/units.js';
import { leavesQuantity, type Order } from '../matching/order.js';
import type { DepthLevel } from './depth.js';
import type { Side } from './side.js';

interface Level {
  readonly price: Units;
  readonly orders: Order[];
}

/** Orders of the accounts that rest at a price, by price, then by time. */
export class RestingBook {
  /** Best first: bids from high to low, asks from low to high. */
  readonly #sides: Readonly<Record<Side, Level[]>> = { BUY: [], SELL: [] };

  add(order: Order): void {
    const levels = this.#sides[order.side];
    const at = this.#position(order.side, order.price);
    if (levels[at]?.price === order.price) levels[at].orders.push(order);
    else levels.splice(at, 0, { price: order.price, orders: [order] });
  }

  remove(order: Order): void {
    const levels = this.#sides[order.side];
    const at = this.#position(order.side, order.price);
    const level = levels[at];
    const index = level?.price === order.price ? level.orders.indexOf(order) : -1;
    if (level === undefined || index < 0) return;
    level.orders.splice(index, 1);
    if (level.orders.length === 0) levels.splice(at, 1);
  }

  /** The best price at which an order rests. */
  best(side: Side): Units | undefined {
    return this.#sides[side][0]?.price;
  }

  /** Orders at exactly this price, oldest first. */
  at(side: Side, price: Units): readonly Order[] {
    const level = this.#sides[side][this.#position(side, price)];
    return level?.price === price ? level.orders : [];
  }

  /** Orders that a print at `price` reaches or passes, in the order in which they would trade. */
  reachedBy(side: Side, price: Units): Order[] {
    const reached: Order[] = [];
    for (const level of this.#sides[side]) {
      if (side === 'BUY' ? level.price < price : level.price > price) break;
      reached.push(...level.orders);
    }
    return reached;
  }

  /** Sums by price, best first. */
  levels(side: Side): DepthLevel[] {
    return this.#sides[side].map(({ price, orders }) => ({
      price,
      quantity: orders.reduce((sum, order) => sum + leavesQuantity(order), 0n),
    }));
  }

  #position(side: Side, price: Units): number {
    const levels = this.#sides[side];
    let [low, high] = [0, levels.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = (levels[middle] as Level).price;
      if (side === 'BUY' ? there > price : there < price) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
