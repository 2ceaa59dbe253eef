import { failure, type Failure } from '../errors.js';
import type { Decimal } from '../money/index.js';
import { flattenIntentId, type PositionKey } from '../protection/position-key.js';
import { approve, type GateVerdict } from './approved-order.js';
import { sellWithin } from './draft.js';
import { filterFailures } from './filters.js';
import { freeOfPosition } from './free-to-sell.js';
import { isKilled } from './protective.js';
import type { RiskView } from './view.js';

/**
 * The gate for what a kill sells: it needs a latch over the position, which forbids it to all others, the position and the
 * venue's filters (P19, P27). Pure.
 */
export function decideFlatten(
  key: PositionKey,
  wish: { readonly sequence: number; readonly quantity: Decimal; readonly collarBps: number },
  ledger: RiskView,
  reference: Decimal,
): GateVerdict {
  const { account, venue, mode, instrument: rules } = ledger;
  const { strategy, instrument } = key;
  if (rules === undefined) return { kind: 'denied', failures: [failure('RISK_INSTRUMENT_UNKNOWN', { venue, instrument })] };
  const draft = sellWithin(wish.collarBps, 'flatten', wish.quantity, reference, rules);
  const failures: Failure[] = isKilled(key, ledger) ? [] : [failure('RISK_MODE', { account, mode, leg: 'close' })];
  if (draft.quantity.lte(0) || draft.quantity.gt(freeOfPosition(key, ledger))) {
    failures.push(failure('RISK_NO_POSITION', { strategy, instrument }));
  }
  failures.push(...filterFailures(draft, rules, venue));
  if (failures.length > 0) return { kind: 'denied', failures };
  const { sequence } = wish;
  return { kind: 'approved', order: approve(draft, { intentId: flattenIntentId(key, sequence), sequence }, ledger, rules) };
}
