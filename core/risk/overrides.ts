import { underOverrides, type GateVerdict } from './approved-order.js';
import type { LimitKey } from './limit-table.js';
import { loosened } from './limit-rows.js';
import type { RiskView } from './view.js';

/** What two people have let pass for a time: a looser value of one limit, for one order or for every one until then. */
export interface LimitOverride {
  readonly overrideId: string;
  readonly strategy?: string;
  readonly instrument: string;
  readonly key: LimitKey;
  readonly value: string;
  /** Used up by the first order that would not have passed without it. */
  readonly isForOneOrder: boolean;
  /** Epoch ms, the database's clock. */
  readonly expiresTime: number;
}

/** Overrides that stand for a strategy's entries in an instrument at the view's time. */
export function standingOverrides(
  overrides: readonly LimitOverride[],
  key: { readonly strategy: string; readonly instrument: string },
  databaseTime: number,
): readonly LimitOverride[] {
  return overrides.filter(
    (one) =>
      one.instrument === key.instrument && (one.strategy === undefined || one.strategy === key.strategy) && databaseTime < one.expiresTime,
  );
}

/**
 * Decides within the limits, and only where that denies, once more with what the overrides allow. The order names just those
 * without which it would be denied: the statement that writes it asks whether they still stand, and uses up those for one order.
 */
export function decideWithOverrides(
  ledger: RiskView,
  overrides: readonly LimitOverride[],
  decide: (ledger: RiskView) => GateVerdict,
): GateVerdict {
  const within = (allowed: readonly LimitOverride[]): GateVerdict =>
    decide({ ...ledger, limits: allowed.reduce((limits, one) => loosened(limits, one.key, one.value), ledger.limits) });
  const verdict = within([]);
  if (verdict.kind === 'approved' || overrides.length === 0) return verdict;
  let needed = overrides;
  if (within(needed).kind === 'denied') return verdict;
  for (const one of overrides) {
    const fewer = needed.filter((other) => other !== one);
    if (within(fewer).kind === 'approved') needed = fewer;
  }
  const approved = within(needed);
  if (approved.kind === 'denied') return verdict;
  return {
    kind: 'approved',
    order: underOverrides(
      approved.order,
      needed.map((one) => one.overrideId),
    ),
  };
}
