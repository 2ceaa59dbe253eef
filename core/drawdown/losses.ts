import { RoundTrips, type ClosedPosition } from '../ledger/closed-position.js';
import { bookOf } from '../ledger/booked-fill.js';
import { isByHand, profitOf, withFill, type BookResult, type ValuedFill } from '../ledger/results.js';
import { slippageOf, type Executed } from '../ledger/slippage.js';
import { ZERO, text, type Decimal, type DecimalText } from '../money/index.js';

/** An order of ours with fills, and the price that it was decided at; undefined where nobody noted one. */
export interface Execution extends Executed {
  readonly strategy: string | null;
  readonly instrument: string;
  readonly decided: Decimal | undefined;
}

/** What one strategy has lost or won in one instrument since the peak, in the quote asset. */
export interface Loss {
  readonly strategy: string | null;
  readonly instrument: string;
  readonly quote: string;
  /** By average cost, after all fees; null for what was traded by hand, of which nobody knows what it cost. */
  readonly realizedPnl: DecimalText | null;
  /** Of what is still held, all of it; null without a price, and by hand. */
  readonly unrealizedPnl: DecimalText | null;
  /** By hand, less than nothing is what was sold of what had been there. */
  readonly quantity: DecimalText;
  readonly fees: DecimalText;
  /** How much worse than decided it was executed. */
  readonly slippage: DecimalText;
  readonly fills: number;
}

/** Follows the fills of an account from its first, and tells what came of those since a moment. Pure but for what it has seen. */
export class Losses {
  readonly #since: number;
  readonly #books = new Map<string, { readonly before: BookResult | undefined; readonly after: BookResult }>();
  readonly #trips: RoundTrips;
  readonly #closed: ClosedPosition[] = [];

  /** @param since epoch ms. @param stepOf the instrument's step; zero where it is not known. */
  constructor(since: number, stepOf: (instrument: string) => Decimal) {
    this.#since = since;
    this.#trips = new RoundTrips(stepOf);
  }

  /** In the venue's order. */
  add(fill: ValuedFill): void {
    const had = this.#books.get(bookOf(fill));
    const after = withFill(had?.after, fill);
    this.#books.set(bookOf(fill), { before: fill.eventTime < this.#since ? after : had?.before, after });
    const trip = this.#trips.add(fill);
    if (trip !== undefined) this.#closed.push(trip);
  }

  closedSince(time: number): readonly ClosedPosition[] {
    return this.#closed.filter(({ closedTime }) => closedTime >= time);
  }

  /** The greatest loss first. `markOf`: undefined where there is no price. */
  all(markOf: (instrument: string) => Decimal | undefined, executions: readonly Execution[]): readonly Loss[] {
    const found = [...this.#books.values()].map(({ before, after }) => {
      const { strategy, instrument, quote } = after;
      const [now] = profitOf(after, markOf(instrument));
      const then = before === undefined ? ZERO : profitOf(before, undefined)[0].realizedPnl;
      const slippage = executions
        .filter((one) => one.strategy === strategy && one.instrument === instrument)
        .reduce((sum, one) => sum.plus(slippageOf(one, one.decided)?.cost ?? ZERO), ZERO);
      const realized = isByHand(after) ? undefined : now.realizedPnl.minus(then);
      const unrealized = isByHand(after) ? undefined : now.unrealizedPnl;
      const row: Loss = {
        ...{ strategy, instrument, quote, realizedPnl: textOrNull(realized), quantity: text(after.average.quantity) },
        unrealizedPnl: textOrNull(unrealized),
        fees: text(after.fees.minus(before?.fees ?? ZERO)),
        ...{ slippage: text(slippage), fills: after.fills - (before?.fills ?? 0) },
      };
      return { row, order: (realized ?? ZERO).plus(unrealized ?? ZERO) };
    });
    return found
      .filter(({ row }) => row.fills > 0 || row.quantity !== '0')
      .toSorted((one, other) => one.order.cmp(other.order))
      .map(({ row }) => row);
  }
}

const textOrNull = (amount: Decimal | undefined): DecimalText | null => (amount === undefined ? null : text(amount));
