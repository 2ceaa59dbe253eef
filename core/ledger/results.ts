import { ZERO, type Decimal } from '../money/index.js';
import { bookOf, tradedBy, type BookedFill } from './booked-fill.js';
import { feeValueOf, isThirdAsset } from './fee-value.js';
import { NO_LOTS, applyToLots, type LotState } from './lots.js';
import { FLAT, applyFill, type PositionState } from './position.js';

/** A fill with the price at which its fee counts, where that is in a third asset. */
export interface ValuedFill extends BookedFill {
  readonly feePrice: Decimal | undefined;
}

/** What the fills of one strategy in one instrument come to; all money in the quote asset. */
export interface BookResult {
  readonly account: string;
  /** Null: traded by hand or by another client. */
  readonly strategy: string | null;
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  readonly average: PositionState;
  readonly fifo: LotState;
  /** Everything paid in fees, also what the realized results have in them already. */
  readonly fees: Decimal;
  /** Of these, in third assets: not in the realized results. */
  readonly thirdFees: Decimal;
  /** Fills whose fee has no known worth: the results are without it. */
  readonly unvaluedFees: number;
  /** In base, fees left out. */
  readonly bought: Decimal;
  readonly sold: Decimal;
  readonly fills: number;
  /** Of these, by orders of another hand that a person has booked or taken over for the strategy; of what no strategy has, all. */
  readonly foreignFills: number;
}

/**
 * Traded by hand or by another client: from what the account had, of which nobody knows what it cost, as well as from what was bought so.
 * Neither what is held of it nor a result is known, and a sale is no short.
 */
export const isByHand = ({ strategy }: Pick<BookResult, 'strategy'>): boolean => strategy === null;

/** Fills one after the other, by the venue's time: results by average cost and by first in, first out. Pure. */
export function withFill(before: BookResult | undefined, fill: ValuedFill): BookResult {
  const had = before ?? emptyBook(fill);
  const value = feeValueOf(fill, fill.feePrice);
  return {
    ...had,
    average: applyFill(had.average, fill),
    fifo: applyToLots(had.fifo, fill, fill.eventTime),
    fees: had.fees.plus(value ?? ZERO),
    thirdFees: isThirdAsset(fill) ? had.thirdFees.plus(value ?? ZERO) : had.thirdFees,
    unvaluedFees: had.unvaluedFees + (value === undefined ? 1 : 0),
    bought: fill.side === 'buy' ? had.bought.plus(fill.quantity) : had.bought,
    sold: fill.side === 'sell' ? had.sold.plus(fill.quantity) : had.sold,
    fills: had.fills + 1,
    foreignFills: had.foreignFills + (tradedBy(fill) === 'foreign' ? 1 : 0),
  };
}

function emptyBook({ account, strategy, instrument, base, quote }: BookedFill): BookResult {
  const nothing = { fees: ZERO, thirdFees: ZERO, unvaluedFees: 0, bought: ZERO, sold: ZERO, fills: 0, foreignFills: 0 };
  return { account, strategy, instrument, base, quote, average: FLAT, fifo: NO_LOTS, ...nothing };
}

/** The books of an account while its fills go by. */
export class Books {
  readonly #books = new Map<string, BookResult>();

  add(fill: ValuedFill): BookResult {
    const after = withFill(this.#books.get(bookOf(fill)), fill);
    this.#books.set(bookOf(fill), after);
    return after;
  }

  all(): readonly BookResult[] {
    return [...this.#books.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, book]) => book);
  }
}

/** Realized after all fees: what was paid in a third asset is taken off here. */
export interface Profit {
  readonly method: 'average' | 'fifo';
  readonly realizedPnl: Decimal;
  /** Undefined without a mark. */
  readonly unrealizedPnl: Decimal | undefined;
  /** Of what is open; undefined where nothing is. */
  readonly averagePrice: Decimal | undefined;
}

const PRICE_PLACES = 18;

/** Of a strategy's book. */
export function profitOf(book: BookResult, mark: Decimal | undefined): readonly [Profit, Profit] {
  const { quantity } = book.average;
  const profit = (method: Profit['method'], realized: Decimal, cost: Decimal): Profit => ({
    method,
    realizedPnl: realized.minus(book.thirdFees),
    unrealizedPnl: quantity.isZero() ? ZERO : mark?.mul(quantity).minus(cost),
    averagePrice: quantity.isZero() ? undefined : cost.div(quantity).toDecimalPlaces(PRICE_PLACES),
  });
  return [profit('average', book.average.realizedPnl, book.average.cost), profit('fifo', book.fifo.realizedPnl, book.fifo.cost)];
}

/** Results of a strategy over its instruments with the same quote asset. */
export interface StrategyResult {
  readonly account: string;
  readonly strategy: string | null;
  readonly quote: string;
  /** Undefined for what was traded by hand: nobody knows what it cost. */
  readonly realizedAverage: Decimal | undefined;
  readonly realizedFifo: Decimal | undefined;
  readonly fees: Decimal;
  readonly unvaluedFees: number;
  readonly fills: number;
  readonly foreignFills: number;
}

export function byStrategy(books: readonly BookResult[]): readonly StrategyResult[] {
  const found = new Map<string, StrategyResult>();
  for (const book of books) {
    const { account, strategy, quote } = book;
    const key = JSON.stringify([account, strategy, quote]);
    const zero = isByHand(book) ? undefined : ZERO;
    const nothing = { realizedAverage: zero, realizedFifo: zero, fees: ZERO, unvaluedFees: 0, fills: 0, foreignFills: 0 };
    const had = found.get(key) ?? { account, strategy, quote, ...nothing };
    const [average, fifo] = profitOf(book, undefined);
    found.set(key, {
      ...had,
      realizedAverage: had.realizedAverage?.plus(average.realizedPnl),
      realizedFifo: had.realizedFifo?.plus(fifo.realizedPnl),
      fees: had.fees.plus(book.fees),
      unvaluedFees: had.unvaluedFees + book.unvaluedFees,
      fills: had.fills + book.fills,
      foreignFills: had.foreignFills + book.foreignFills,
    });
  }
  return [...found.values()];
}
