import { failure, type Failure } from '../errors.js';
import type { TradeSignal } from '../signal/signal.js';
import type { RiskView } from './view.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** How an entry stands to what was ordered before it. */
export interface EntryPace {
  readonly failures: readonly Failure[];
  /** From when on nothing here speaks against it, epoch ms by the database's clock: it is not written earlier. */
  readonly notBefore: number;
}

/**
 * Rates count every order that passed the gate, exits and stops too, which are themselves never held up by them. The n-th
 * order of a signal is its first one worked on, so it is neither a double nor a repetition.
 */
export function entryPace(signal: TradeSignal, attempt: number, ledger: RiskView): EntryPace {
  const { limits, recentOrders, databaseTime } = ledger;
  const { strategy, instrument, account } = signal;
  const newestFirst = (times: readonly number[]): readonly number[] => times.toSorted((one, other) => other - one);
  const ofStrategy = newestFirst(recentOrders.times[strategy] ?? []);
  const ofAccount = newestFirst(Object.values(recentOrders.times).flat());
  const rates = [
    { scope: strategy, window: 'second', windowMs: SECOND_MS, limit: limits.maxStrategyOrdersPerSecond, times: ofStrategy },
    { scope: strategy, window: 'minute', windowMs: MINUTE_MS, limit: limits.maxStrategyOrdersPerMinute, times: ofStrategy },
    { scope: account, window: 'second', windowMs: SECOND_MS, limit: limits.maxAccountOrdersPerSecond, times: ofAccount },
    { scope: account, window: 'minute', windowMs: MINUTE_MS, limit: limits.maxAccountOrdersPerMinute, times: ofAccount },
  ];
  const failures: Failure[] = [];
  let notBefore = 0;
  for (const { scope, window, windowMs, limit, times } of rates) {
    const free = freeFrom(times, limit, windowMs);
    notBefore = Math.max(notBefore, free);
    if (databaseTime < free) failures.push(failure('RISK_RATE_LIMIT', { scope, limit, window }));
  }
  if (attempt === 1) {
    const doubles = recentOrders.entries.filter((one) => one[0] === strategy && one[1] === instrument).map((one) => one[2]);
    const free = freeFrom(doubles, 1, limits.duplicateWindowMs);
    notBefore = Math.max(notBefore, free);
    if (databaseTime < free) {
      failures.push(failure('RISK_DUPLICATE_INTENT', { strategy, instrument, windowMs: limits.duplicateWindowMs }));
    }
    if (ledger.repeats >= limits.maxRepeats) {
      failures.push(failure('RISK_REPEATED_EXECUTION', { strategy, instrument, count: ledger.repeats, limit: limits.maxRepeats }));
    }
  }
  if (ledger.disabled !== undefined) failures.push(failure('RISK_STRATEGY_DISABLED', { strategy, account, reason: ledger.disabled }));
  return { failures, notBefore };
}

/** When the window holds fewer than `limit` again: once the `limit`-th newest has left it. */
function freeFrom(newestFirst: readonly number[], limit: number, windowMs: number): number {
  if (limit < 1) return Number.MAX_SAFE_INTEGER;
  const last = newestFirst[limit - 1];
  return last === undefined ? 0 : last + windowMs;
}
