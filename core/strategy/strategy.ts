import type { Bar } from '../bars/bar.js';

export type Stance = 'long' | 'flat' | 'undecided';

/**
 * What a strategy concludes from the bars up to and including the one that just closed.
 * `open` and `close` are the only intentions: how much is decided later, by sizing and by the ledger (protocol P3).
 */
export interface StrategyStep {
  readonly intent: 'open' | 'close' | 'none';
  /** Where the strategy would stand on this bar, whether it just turned or not; `undecided` leaves things as they are. */
  readonly stance: Stance;
  /** In the order of `featureNames`; floats, since they feed the model. Empty while the window is too short. */
  readonly features: readonly number[];
  /** Distance from the close to the protective stop as a fraction of price (0.02 = 2 %). */
  readonly stopDistanceRatio: number;
  /** Standard deviation of one bar's return (0.01 = 1 %); absent where the strategy measures none, or not yet. */
  readonly volatilityRatio?: number;
  /** One phrase for people: why this intention. */
  readonly reason: string;
}

/**
 * A strategy is a pure function of the last `lookbackBars` bars, so that after a crash or a gap it is rebuilt from
 * stored bars and nothing else.
 */
export interface Strategy {
  readonly id: string;
  readonly version: string;
  readonly lookbackBars: number;
  readonly featureNames: readonly string[];
  /** `window`: oldest first, consecutive bars of one instrument, at most `lookbackBars` of them. */
  step(window: readonly Bar[]): StrategyStep;
}
