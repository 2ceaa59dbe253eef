import { momentumTrend } from './momentum-trend.js';
import type { Strategy } from './strategy.js';

/** Every strategy that a configuration may name. A new one is added here and nowhere else. */
export const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([momentumTrend].map((strategy) => [strategy.id, strategy]));

export function findStrategy(id: string): Strategy | undefined {
  return STRATEGIES.get(id);
}
