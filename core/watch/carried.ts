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

/** The differences of two readings, one after the other. */
export interface Readings {
  readonly last: Quantities;
  /** Undefined for the first reading of a process. */
  readonly before: Quantities | undefined;
}

export interface Settled {
  readonly external: Quantities;
  /** What was deposited (positive) or withdrawn since, in the quote asset. */
  readonly flow: Decimal;
}

/**
 * Others on an order book get for what they give nearly what it is worth. What came for less than this share of what went, or the other
 * way round, was not exchanged for it.
 */
const LEAST_EXCHANGED_SHARE = '0.5';

/**
 * What came from outside, as far as it is certain. A fill that the venue shows and the ledger does not know yet is a
 * difference too, for a moment; so one is believed when two readings in a row show the same. One kind of change is no
 * deposit: assets that move in opposite directions at once, of comparable worth, were exchanged for each other by somebody else, and what
 * is lost in that is a loss. (What our own orders lose is never in the difference: the ledger has their fills.) What is worth nothing, or
 * little beside what moves the other way, makes no exchange of a withdrawal: an airdrop that comes with one. Pure.
 */
export function settle(known: Quantities | undefined, { last, before }: Readings, prices: Prices): Settled | undefined {
  if (known === undefined) return { external: last, flow: ZERO };
  if (before === undefined || !isSame(last, before)) return undefined;
  let [came, went] = [ZERO, ZERO];
  for (const [asset, quantity] of Object.entries(differenceOf(last, known))) {
    const worth = valueOf(asset, decimal(quantity), prices);
    // Without a price nobody can say how much came: it is settled when there is one.
    if (worth === undefined) return undefined;
    if (worth.value.isNegative()) went = went.minus(worth.value);
    else came = came.plus(worth.value);
  }
  return { external: last, flow: isExchange(came, went) ? ZERO : came.minus(went) };
}

function isExchange(came: Decimal, went: Decimal): boolean {
  const [less, more] = [minimum(came, went), maximum(came, went)];
  return less.gt(0) && less.gte(more.mul(LEAST_EXCHANGED_SHARE));
}

function isSame(one: Quantities, other: Quantities): boolean {
  return Object.keys(differenceOf(one, other)).length === 0;
}
