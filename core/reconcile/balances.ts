import { decimal, text, ZERO } from '../money/index.js';
import { Sum } from './deltas.js';
import type { Deltas, Difference } from './difference.js';
import { isUnresolved, type LedgerSight, type VenueSight } from './sight.js';

/**
 * Balances to the last unit: venue less ledger, less what other differences explain. While it is not known what became of an
 * order, or one has moved at the venue whose fills are not listed yet, a balance says nothing.
 */
export function compareBalances(
  venue: VenueSight,
  ledger: LedgerSight,
  explained: readonly Deltas[],
  isAnOrderOpenToQuestion = false,
): Difference[] {
  const cause = new Sum();
  for (const deltas of explained) cause.add(deltas);
  const isUnclear = isAnOrderOpenToQuestion || ledger.orders.some(isUnresolved);
  const assets = new Set([
    ...Object.keys(venue.balances),
    ...Object.keys(ledger.balances),
    ...explained.flatMap((one) => Object.keys(one)),
  ]);
  return [...assets].sort().flatMap((asset): Difference[] => {
    const [shown, kept] = [decimal(venue.balances[asset] ?? '0'), decimal(ledger.balances[asset] ?? '0')];
    const amount = shown.minus(kept).minus(cause.of(asset));
    if (amount.eq(ZERO)) return [];
    return [
      {
        class: 'balanceMovement',
        subject: `balance:${asset}`,
        fingerprint: text(amount),
        treatment: 'secondLook',
        isInFlight: isUnclear,
        deltas: { [asset]: text(amount) },
        evidence: {
          venue: { asset, balance: text(shown) },
          ledger: { asset, balance: text(kept), explained: text(cause.of(asset)), unexplained: text(amount) },
        },
      },
    ];
  });
}
