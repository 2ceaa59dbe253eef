import { amountOf, amountsOf, maximum, minimum, ZERO, type Decimal } from '../money/index.js';
import { carriedForward, differenceOf } from './carried.js';
import { WATCH } from './rules.js';
import type { Quantities } from './valuation.js';

/** What the books say was taken from the account beside our own fills, since the onboarding: negative. */
export interface Taken {
  /** Withdrawn, and transferred away. */
  readonly withdrawn: Quantities;
  /** What each movement and each fill has taken, summed up: a purchase and a sale by hand add up to nothing elsewhere, and not here. */
  readonly given: Quantities;
  /** What of `withdrawn` had happened before the count of what goes began. */
  readonly early: Quantities;
}

/** What readings have shown to go, by whatever hand and for whatever came, since the books explained all; beside it what they say. */
export interface Went {
  /** Withdrawals that happened two minutes before it, or earlier, explain nothing of this. */
  readonly since: number;
  readonly seen: Quantities;
  /** What bookings had taken by then: they explain nothing that went later. */
  readonly given: Quantities;
  /** Since when the books say what they say. */
  readonly books: { readonly given: Quantities; readonly since: number };
}

/** As the count begins: whatever is in the books had happened by now, and a withdrawal of before is told as early. Pure. */
export function countedFrom(taken: Taken, now: number, seen: Quantities = {}): Went {
  return countedSince(taken, now + WATCH.shownMs, now, seen);
}

function countedSince({ withdrawn, given }: Taken, since: number, now: number, seen: Quantities): Went {
  return { since, seen, given: differenceOf(given, withdrawn), books: { given, since: now } };
}

/** With what a reading shows to go, and without what came back soon. Pure. */
export function withSeen(before: Went, went: Quantities, cameBack: Quantities = {}): Went {
  return { ...before, seen: positive(carriedForward(differenceOf(before.seen, cameBack), went)) };
}

/**
 * How much of an asset went that nothing in the books can have taken, whatever the bookings add up to: more was seen to go than all of them have taken
 * since. Each has taken once, so when everything is booked this is nothing, and a loss that nobody has booked stays in it, also while as much
 * came that nobody has booked either. Pure.
 */
export function leastGone({ seen, given: by }: Went, { given, early }: Taken, asset: string): Decimal {
  const taken = amountOf(given, asset).minus(amountOf(early, asset)).minus(amountOf(by, asset));
  return maximum(ZERO, amountOf(seen, asset).plus(minimum(ZERO, taken)));
}

/** Pure. */
export function withBooks(before: Went, { given }: Taken, now: number): Went {
  const isSame = Object.keys(differenceOf(before.books.given, given)).length === 0;
  return isSame ? before : { ...before, books: { given, since: now } };
}

/** Where the books explain all, the count begins anew, when the venue must have shown what is in them: a booking may be ahead of a reading. Pure. */
export function countedAnew(before: Went, taken: Taken, now: number): Went {
  return Math.abs(now - before.books.since) >= WATCH.shownMs ? countedSince(taken, now, now, {}) : before;
}

/** What of quantities is more than nothing. Pure. */
export function positive(quantities: Quantities): Quantities {
  return amountsOf(
    Object.keys(quantities)
      .map((asset) => [asset, amountOf(quantities, asset)] as const)
      .filter(([, quantity]) => quantity.gt(0)),
  );
}
