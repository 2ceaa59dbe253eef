import { amountOf, text, ZERO, type Decimal } from '../money/index.js';
import { deltasOf, Sum } from './deltas.js';
import type { Deltas, Difference } from './difference.js';
import { fillName } from './fills.js';
import { intentSubject } from './orders.js';
import { isUnresolved, type BookedOrder, type LedgerSight, type VenueSight } from './sight.js';

/**
 * Balances to the last unit: venue less ledger, less what other differences explain. While it is not known what became of an
 * order, or one has moved at the venue whose fills are not listed yet, the balances that it may have moved say nothing; all others do.
 * What was filled while the venue was read may have come after its balances, and is none that they lack.
 * @param open subjects of the orders whose fills are missing, beside those that are looked up
 */
export function compareBalances(
  venue: VenueSight,
  ledger: LedgerSight,
  explained: readonly Deltas[],
  open: ReadonlySet<string> = new Set(),
): Difference[] {
  const cause = new Sum();
  for (const deltas of explained) cause.add(deltas);
  const unclear = assetsOf(
    ledger.orders.filter((order) => isUnresolved(order) || open.has(intentSubject(order.intentId))),
    venue,
    ledger,
  );
  const meanwhile = filledMeanwhile(venue, ledger);
  const assets = new Set([
    ...Object.keys(venue.balances),
    ...Object.keys(ledger.balances),
    ...explained.flatMap((one) => Object.keys(one)),
  ]);
  return [...assets].sort().flatMap((asset): Difference[] => {
    const [shown, kept] = [amountOf(venue.balances, asset), amountOf(ledger.balances, asset)];
    const amount = shown.minus(kept).minus(cause.of(asset));
    if (amount.eq(ZERO) || isFromBefore(amount, asset, meanwhile)) return [];
    return [
      {
        class: 'balanceMovement',
        subject: `balance:${asset}`,
        fingerprint: text(amount),
        treatment: 'secondLook',
        isInFlight: unclear.has(asset),
        deltas: { [asset]: text(amount) },
        evidence: {
          venue: { asset, balance: text(shown) },
          ledger: { asset, balance: text(kept), explained: text(cause.of(asset)), unexplained: text(amount) },
        },
      },
    ];
  });
}

/** What the fills since the venue was asked for its clock have moved, the newest first: its list and the books are read after its balances. */
function filledMeanwhile(venue: VenueSight, ledger: LedgerSight): readonly Deltas[] {
  const fills = new Map(
    [...ledger.fills.filter(({ isReversed }) => isReversed !== true), ...venue.fills].map((fill) => [fillName(fill), fill]),
  );
  return [...fills.values()]
    .filter(({ eventTime }) => eventTime >= venue.venueTime)
    .toSorted((one, other) => other.eventTime - one.eventTime)
    .map((fill) => deltasOf(fill, ledger.instruments));
}

/** Whether a balance is exactly what it was before the newest of these. */
function isFromBefore(amount: Decimal, asset: string, newestFirst: readonly Deltas[]): boolean {
  let lacking = amount;
  return newestFirst.some((deltas) => {
    lacking = lacking.plus(amountOf(deltas, asset));
    return lacking.eq(ZERO);
  });
}

/** What these orders may have moved: what they trade, and whatever the account has paid fees in. */
function assetsOf(orders: readonly BookedOrder[], venue: VenueSight, ledger: LedgerSight): ReadonlySet<string> {
  if (orders.length === 0) return new Set();
  const fees = [...venue.fills, ...ledger.fills].map(({ feeAsset }) => feeAsset);
  return new Set([...orders.flatMap(({ base, quote }) => [base, quote]), ...fees]);
}
