import { ZERO, type Decimal } from '../money/index.js';
import { bookOf } from './booked-fill.js';
import { feeValueOf } from './fee-value.js';
import { isByHand, profitOf, withFill, type BookResult, type ValuedFill } from './results.js';

/** A round trip: from nothing held to nothing held again. Money in the quote asset. */
export interface ClosedPosition {
  readonly account: string;
  readonly strategy: string | null;
  readonly instrument: string;
  readonly strategyVersion: string | null;
  readonly openedTime: number;
  readonly closedTime: number;
  readonly bought: Decimal;
  readonly sold: Decimal;
  readonly entryPrice: Decimal;
  readonly exitPrice: Decimal;
  readonly realizedAverage: Decimal;
  readonly realizedFifo: Decimal;
  readonly fees: Decimal;
  readonly fills: number;
}

interface Open {
  readonly before: BookResult | undefined;
  readonly first: ValuedFill;
  readonly buys: { readonly quantity: Decimal; readonly notional: Decimal };
  readonly sells: { readonly quantity: Decimal; readonly notional: Decimal };
  readonly fees: Decimal;
  readonly fills: number;
}

const PRICE_PLACES = 18;
const NONE = { quantity: ZERO, notional: ZERO };

/**
 * Finds the round trips of fills that go by in the venue's order. What is left and under the instrument's step cannot be
 * sold: with it a position counts as closed, and the dust goes on into the next one at its cost.
 */
export class RoundTrips {
  readonly #books = new Map<string, BookResult>();
  readonly #open = new Map<string, Open>();
  readonly #stepOf: (instrument: string) => Decimal;

  /** @param stepOf the instrument's step; zero where it is not known. */
  constructor(stepOf: (instrument: string) => Decimal) {
    this.#stepOf = stepOf;
  }

  /** @returns the position that this fill closed. */
  add(fill: ValuedFill): ClosedPosition | undefined {
    // What by hand is sold may have been there before: from nothing to nothing says nothing.
    if (isByHand(fill)) return undefined;
    const key = bookOf(fill);
    const before = this.#books.get(key);
    const after = withFill(before, fill);
    this.#books.set(key, after);
    const open = withTrade(this.#open.get(key) ?? { before, first: fill, buys: NONE, sells: NONE, fees: ZERO, fills: 0 }, fill);
    const left = after.average.quantity;
    const isClosed =
      open.sells.quantity.gt(0) && open.buys.quantity.gt(0) && (left.isZero() || left.abs().lt(this.#stepOf(fill.instrument)));
    if (!isClosed) {
      this.#open.set(key, open);
      return undefined;
    }
    this.#open.delete(key);
    return closedOf(open, after, fill.eventTime);
  }
}

function withTrade(open: Open, fill: ValuedFill): Open {
  const side = fill.side === 'buy' ? 'buys' : 'sells';
  const had = open[side];
  const more = { quantity: had.quantity.plus(fill.quantity), notional: had.notional.plus(fill.price.mul(fill.quantity)) };
  return { ...open, [side]: more, fees: open.fees.plus(feeValueOf(fill, fill.feePrice) ?? ZERO), fills: open.fills + 1 };
}

function closedOf({ before, first, buys, sells, fees, fills }: Open, after: BookResult, closedTime: number): ClosedPosition {
  const earned = profitOf(after, undefined);
  const earlier = before === undefined ? undefined : profitOf(before, undefined);
  const { account, strategy, instrument } = after;
  return {
    ...{ account, strategy, instrument, strategyVersion: first.strategyVersion, openedTime: first.eventTime, closedTime },
    bought: buys.quantity,
    sold: sells.quantity,
    entryPrice: buys.notional.div(buys.quantity).toDecimalPlaces(PRICE_PLACES),
    exitPrice: sells.notional.div(sells.quantity).toDecimalPlaces(PRICE_PLACES),
    realizedAverage: earned[0].realizedPnl.minus(earlier?.[0].realizedPnl ?? ZERO),
    realizedFifo: earned[1].realizedPnl.minus(earlier?.[1].realizedPnl ?? ZERO),
    fees,
    fills,
  };
}
