import type { ExecutionPolicy } from '../execution/policy.js';
import { decimal, type Decimal } from '../money/index.js';
import type { StoredOrder } from '../order/stored-order.js';
import { entryPrice } from './draft.js';
import type { RiskView } from './view.js';

/**
 * Whether a resting entry would be priced elsewhere by so much that it is to be replaced. It is reckoned as its own price was, tick, collar
 * and post-only step included: what the grid alone makes of a price is no move. Pure.
 */
export function hasMovedAway(
  order: Pick<StoredOrder, 'price' | 'sequence'>,
  execution: ExecutionPolicy,
  reference: Decimal,
  ledger: RiskView,
): boolean {
  const rules = ledger.instrument;
  if (execution.kind === 'market' || execution.replaceBps === undefined || rules === undefined) return false;
  const price = decimal(order.price);
  const wished = entryPrice({ execution, attempt: order.sequence }, reference, ledger, rules);
  return wished.minus(price).abs().div(price).mul(10_000).gte(execution.replaceBps);
}
