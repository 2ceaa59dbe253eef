import { failure, type Failure } from '../errors.js';
import type { Strategy, StrategyStep } from './strategy.js';

const INTENTS: readonly unknown[] = ['open', 'close', 'none'] satisfies readonly StrategyStep['intent'][];
const STANCES: readonly unknown[] = ['long', 'flat', 'undecided'] satisfies readonly StrategyStep['stance'][];

export interface ReadAnswer {
  /** With nothing in it that is not of its type: a close needs none of the figures, and is held up by none (P19). */
  readonly step: StrategyStep;
  /** Why nothing may be entered on it. */
  readonly failure?: Failure;
}

/**
 * What a strategy has answered, whatever it was compiled from: a ratio that comes as text would pass for a number until it is reckoned with. Whether
 * a number can be one, the gate asks.
 */
export function readAnswer({ id }: Pick<Strategy, 'id'>, answer: StrategyStep): ReadAnswer {
  const { intent, stance, features, stopDistanceRatio, volatilityRatio, reason } = answer;
  const areNumbers = Array.isArray(features) && features.every(isNumber);
  const isKnown = INTENTS.includes(intent);
  const step: StrategyStep = {
    // Recorded as an entry that is not made.
    intent: isKnown ? intent : 'open',
    stance: STANCES.includes(stance) ? stance : 'undecided',
    features: areNumbers ? features : [],
    stopDistanceRatio: isNumber(stopDistanceRatio) ? stopDistanceRatio : 0,
    ...(isNumber(volatilityRatio) ? { volatilityRatio } : {}),
    reason: String(reason),
  };
  const wrong = [
    ...(isKnown ? [] : [told('intent', intent)]),
    ...(isNumber(stopDistanceRatio) ? [] : [told('stopDistanceRatio', stopDistanceRatio)]),
    ...(volatilityRatio === undefined || isNumber(volatilityRatio) ? [] : [told('volatilityRatio', volatilityRatio)]),
    ...(areNumbers ? [] : [told('features', features)]),
  ];
  if (step.intent !== 'open' || wrong.length === 0) return { step };
  return { step, failure: failure('RISK_STRATEGY_ANSWER', { strategy: id, what: wrong.join(', ') }) };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function told(name: string, value: unknown): string {
  return `${name} ${JSON.stringify(value)?.slice(0, 60) ?? typeof value}`;
}
