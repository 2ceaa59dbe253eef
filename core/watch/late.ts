import { amountOf, amountsOf, maximum, minimum, ZERO, type Decimal } from '../money/index.js';
import { carriedForward, differenceOf, type Readings } from './carried.js';
import { common, type Booked, type Late, type Unexplained } from './gone.js';
import type { Quantities } from './valuation.js';
import { positive, type Went } from './went.js';

/**
 * Fills of ours that readings had shown before they were booked. Until then they are what another hand has traded, as far as anybody can tell; so
 * they stay that when they are booked: fills that explain what was seen. At the prices of then they would be a second exchange, and what the
 * price did meanwhile a deposit or a loss.
 */
export const NONE_LATE: Late = { moved: {}, given: {} };

/** What the books say with them as traded by another hand. Pure. */
export function withLate(booked: Booked, { moved, given }: Late = NONE_LATE): Booked {
  return { ...booked, traded: carriedForward(booked.traded, moved), given: carriedForward(booked.given, given) };
}

/** With what more was booked late. Pure. */
export function laterBy(late: Late = NONE_LATE, fills: Quantities): Late {
  const given = amountsOf(Object.keys(fills).map((asset) => [asset, minimum(ZERO, amountOf(fills, asset))]));
  return { moved: differenceOf(carriedForward(late.moved, fills), {}), given: differenceOf(carriedForward(late.given, given), {}) };
}

/**
 * Of our fills that were booked since a reading showed last what is known, those that it had shown already: now the venue shows them as gone
 * the other way. Only where as much as they gave was seen to go, or is not there: what another hand takes while we trade is no fill of ours. Pure.
 * @param open what the venue shows and no booking explains
 */
export function lateFills(known: Unexplained, went: Went, open: Quantities, external: Quantities, { last, ledger }: Readings): Quantities {
  if (ledger === undefined) return {};
  // In a row of an earlier build it is all that was seen as an exchange.
  const filled = known.own === undefined ? known.exchanged : differenceOf(ledger, known.own);
  const late = common(filled, differenceOf(external, last));
  const given = positive(differenceOf({}, late));
  const seen = (asset: string): Decimal => maximum(amountOf(went.seen, asset), amountOf(open, asset).neg());
  const isSeen = Object.keys(given).length > 0 && Object.keys(given).every((asset) => seen(asset).gte(amountOf(given, asset)));
  const isWhole = Object.keys(positive(filled)).length === 0 || Object.keys(positive(late)).length > 0;
  return isSeen && isWhole ? late : {};
}
