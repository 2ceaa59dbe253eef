import { failure, type Failure } from '../errors.js';
import type { StrategyStep } from '../strategy/strategy.js';

export type SignalDecision =
  | { readonly kind: 'trade'; readonly leg: 'open' | 'close' }
  | { readonly kind: 'notTraded'; readonly code: 'RISK_MODEL_THRESHOLD'; readonly failure: Failure }
  | { readonly kind: 'none' };

/**
 * Turns what the strategy wants and what the model thinks of it into a decision.
 *
 * The model gates entries only: a close is traded whatever it says. An open without a score, or with one that is not a
 * number, is not traded: entries fail closed.
 * @param score probability of the model, 0–1; undefined when there is none.
 * @param threshold the least score at which an entry is taken.
 */
export function decide(step: StrategyStep, score: number | undefined, threshold: number): SignalDecision {
  if (step.intent === 'none') return { kind: 'none' };
  if (step.intent === 'close') return { kind: 'trade', leg: 'close' };
  if (score !== undefined && score >= threshold) return { kind: 'trade', leg: 'open' };
  const values = { score: score === undefined ? 'nothing' : score.toFixed(4), threshold: threshold.toFixed(4) };
  return { kind: 'notTraded', code: 'RISK_MODEL_THRESHOLD', failure: failure('RISK_MODEL_THRESHOLD', values) };
}
