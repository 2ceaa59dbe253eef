import { amountOf, amountsOf, decimal, maximum, minimum, ZERO, type Decimal } from '../money/index.js';
import { valueOf, type Prices, type Quantities } from './valuation.js';

/**
 * Balances between two readings of the venue. What the venue shows is what our ledger says (what was there before us, and
 * every booked fill) and, beside it, what came from outside: deposits, withdrawals, interest, orders by other hands. That
 * difference hardly ever changes, so the balances of this moment are the ledger's of this moment plus the difference as it
 * was last found. A venue that may be asked only twice a minute is so followed fill by fill.
 */
export function differenceOf(venue: Quantities, ledger: Quantities): Quantities {
  return amountsOf(
    assetsOf(venue, ledger)
      .map((asset) => [asset, amountOf(venue, asset).minus(amountOf(ledger, asset))] as const)
      .filter(([, difference]) => !difference.isZero()),
  );
}

export function carriedForward(ledger: Quantities, external: Quantities): Quantities {
  return amountsOf(assetsOf(ledger, external).map((asset) => [asset, amountOf(ledger, asset).plus(amountOf(external, asset))]));
}

function assetsOf(one: Quantities, other: Quantities): readonly string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])];
}

/** The differences of readings, one after the other. */
export interface Readings {
  readonly last: Quantities;
  /** Undefined for the first reading of a process. */
  readonly before: Quantities | undefined;
  /** The one before that. */
  readonly earlier?: Quantities | undefined;
  /** What our fills had made of the account at the last one; undefined: it is not known which of them that one shows. */
  readonly ledger?: Quantities | undefined;
}

export interface Settled {
  readonly external: Quantities;
  /** What has changed since. */
  readonly change: Quantities;
  /** What was deposited (positive) or withdrawn since, in the quote asset. */
  readonly flow: Decimal;
  /** Of assets that moved in opposite directions, of comparable worth: what was given, and at the most as much as it is worth of what was got. */
  readonly exchanged: Quantities | undefined;
  /** What went for nothing that came: a withdrawal, if somebody says so. */
  readonly went: Decimal;
}

/**
 * Others on an order book get for what they give nearly what it is worth. What came for less than this share of what went, or the other
 * way round, was not exchanged for it.
 */
const LEAST_EXCHANGED_SHARE = '0.5';
const DIGITS = 30;

/**
 * What came from outside, as far as it is certain. A fill that the venue shows and the ledger does not know yet is a
 * difference too, for a moment; so one is believed when two readings in a row show the same. One kind of change is no
 * deposit: assets that move in opposite directions at once, of comparable worth, were exchanged for each other by somebody else, and what
 * is lost in that is a loss. What more came than went is no gain before fills are booked that explain it: it may be a deposit beside them. (What our own orders lose is never in the difference: the ledger has their fills.) What is worth nothing, or
 * little beside what moves the other way, makes no exchange of a withdrawal: an airdrop that comes with one. What went so is a loss until
 * somebody has said that it was withdrawn (`unexplained.ts`). Pure.
 */
export function settle(known: Quantities | undefined, { last, before }: Readings, prices: Prices): Settled | undefined {
  if (known === undefined) return { external: last, change: {}, flow: ZERO, exchanged: undefined, went: ZERO };
  if (before === undefined || !isSame(last, before)) return undefined;
  const change = differenceOf(last, known);
  const worth = worthOf(change, prices);
  // Without a price nobody can say how much came: it is settled when there is one.
  if (worth === undefined) return undefined;
  const { came, went } = worth;
  const settled = { external: last, change };
  if (isExchange(came, went))
    return { ...settled, flow: maximum(ZERO, came.minus(went)), exchanged: exchangedOf(change, came, went), went: ZERO };
  return { ...settled, flow: came.minus(went), exchanged: undefined, went };
}

/**
 * Three readings in a row that differ from what is known and show another difference than the one before: not one fill on its way, but
 * something that goes on. Pure.
 */
export function isMoving(known: Quantities | undefined, { last, before, earlier }: Readings): boolean {
  if (known === undefined || before === undefined || earlier === undefined) return false;
  return !isSame(last, before) && [last, before, earlier].every((reading) => !isSame(reading, known));
}

/** Whether a reading says that nothing has changed. Pure. */
export function isAsKnown(known: Quantities | undefined, { last }: Readings): boolean {
  return known !== undefined && isSame(last, known);
}

/**
 * Whether a reading shows what is known, but for the latest fills in the books: the venue had not made them yet when it answered. Pure.
 * @param fills what each has moved, the latest first
 */
export function isAsFilled(known: Quantities, venue: Quantities, ledger: Quantities, fills: readonly Quantities[]): boolean {
  let books = ledger;
  return [{}, ...fills].some((fill) => {
    books = differenceOf(books, fill);
    return isSame(differenceOf(venue, books), known);
  });
}

/** What the account has less by the worse of the last two readings than by what is known, as far as prices tell it. Pure. */
export function missingBy(known: Quantities, { last, before }: Readings, prices: Prices): Decimal {
  const missing = [last, before ?? last].map((reading) => {
    const worth = worthOf(differenceOf(reading, known), prices);
    return worth === undefined ? ZERO : worth.went.minus(worth.came);
  });
  return maximum(ZERO, ...missing);
}

/** Undefined while an asset of it has no price. */
function worthOf(change: Quantities, prices: Prices): { readonly came: Decimal; readonly went: Decimal } | undefined {
  let [came, went] = [ZERO, ZERO];
  for (const [asset, quantity] of Object.entries(change)) {
    const worth = valueOf(asset, decimal(quantity), prices);
    if (worth === undefined) return undefined;
    if (worth.value.isNegative()) went = went.minus(worth.value);
    else came = came.plus(worth.value);
  }
  return { came, went };
}

function isExchange(came: Decimal, went: Decimal): boolean {
  const [less, more] = [minimum(came, went), maximum(came, went)];
  return less.gt(0) && less.gte(more.mul(LEAST_EXCHANGED_SHARE));
}

function exchangedOf(change: Quantities, came: Decimal, went: Decimal): Quantities {
  if (came.lte(went)) return change;
  return amountsOf(
    Object.entries(change).map(([asset, quantity]) => {
      const moved = decimal(quantity);
      return [asset, moved.isNegative() ? moved : moved.mul(went).div(came).toDecimalPlaces(DIGITS)] as const;
    }),
  );
}

function isSame(one: Quantities, other: Quantities): boolean {
  return Object.keys(differenceOf(one, other)).length === 0;
}
