import { wireText, type Units } from '../amount/units.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import type { Side } from '../book/side.js';

export interface DepthUpdate {
  /** First and last update id of this event. */
  readonly U: number;
  readonly u: number;
  readonly b: [string, string][];
  readonly a: [string, string][];
}

/** All that a snapshot can hold: a level that a reader got there must be taken away again. */
const LEVELS = 5000;

/** What changed in a book since the last event, so that a reader can follow a snapshot. */
export class DepthDiffs {
  readonly #book: InstrumentBook;
  readonly #told: Record<Side, Map<Units, Units>> = { BUY: new Map(), SELL: new Map() };

  constructor(book: InstrumentBook) {
    this.#book = book;
  }

  /** `undefined`: nobody reads, or nothing changed. The update id moves in any case when the book may have. */
  next(isRead: boolean): DepthUpdate | undefined {
    if (!isRead) {
      this.#told.BUY.clear();
      this.#told.SELL.clear();
      this.#book.updateId += 1;
      return undefined;
    }
    const [b, a] = [this.#changes('BUY'), this.#changes('SELL')];
    if (b.length + a.length === 0) return undefined;
    const U = this.#book.updateId + 1;
    const u = this.#book.updateId + b.length + a.length;
    this.#book.updateId = u;
    return { U, u, b, a };
  }

  #changes(side: Side): [string, string][] {
    const told = this.#told[side];
    const now = new Map(this.#book.levels(side, LEVELS).map(({ price, quantity }) => [price, quantity]));
    const changes: [string, string][] = [];
    for (const price of told.keys()) {
      if (!now.has(price)) changes.push([wireText(price), wireText(0n)]);
    }
    for (const [price, quantity] of now) {
      if (told.get(price) !== quantity) changes.push([wireText(price), wireText(quantity)]);
    }
    this.#told[side] = now;
    return changes;
  }
}
