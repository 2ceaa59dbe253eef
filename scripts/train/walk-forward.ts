import { fitLogistic, scoreOf } from './logistic.js';
import { areaUnderCurve, logarithmicLoss, meanOf, resampledInterval, type Interval } from './measures.js';
import type { Sample } from './samples.js';

/** A sample with the score of a model that was fitted only on positions that had ended before this one was decided. */
export interface ScoredSample extends Sample {
  readonly score: number;
}

/**
 * Scores each fold by a model fitted on everything that was known at its start. A position that was still open then is
 * left out of the fit: its outcome lies in the fold.
 * @param foldStarts indices of the bars at which folds begin, rising; the last fold ends with the samples.
 */
export function scoreWalkForward(samples: readonly Sample[], foldStarts: readonly number[], ridge: number): readonly ScoredSample[] {
  return foldStarts.flatMap((start, fold) => {
    const end = foldStarts[fold + 1] ?? Infinity;
    const known = samples.filter((sample) => sample.trip.left < start);
    const model = fitLogistic(known, ridge);
    return samples
      .filter((sample) => sample.trip.decided >= start && sample.trip.decided < end)
      .map((sample) => ({ ...sample, score: scoreOf(model, sample.features) }));
  });
}

/** How the gate did on the strategy's own entries. Ratios 0–1; returns are net of fees. */
export interface GateMeasures {
  readonly entries: number;
  readonly taken: number;
  readonly areaUnderCurve: number | undefined;
  readonly areaInterval: Interval | undefined;
  /** Mean logarithmic loss of the scores, and of saying the base rate of these very entries every time. */
  readonly loss: number | undefined;
  readonly baseLoss: number | undefined;
  /** Share of entries that the gate judged rightly (taken and won, or left and lost). */
  readonly accuracy: number | undefined;
  /** Share of winners among the entries taken, and among all. */
  readonly precision: number | undefined;
  readonly baseRate: number | undefined;
  readonly meanNetReturnTaken: number | undefined;
  readonly meanNetReturnAll: number | undefined;
  readonly meanNetReturnLeft: number | undefined;
}

export function measureGate(entries: readonly ScoredSample[], threshold: number, random: () => number): GateMeasures {
  const taken = entries.filter((entry) => entry.score >= threshold);
  const left = entries.filter((entry) => entry.score < threshold);
  const net = (list: readonly ScoredSample[]): number | undefined => meanOf(list.map((entry) => entry.trip.netReturn));
  const baseRate = meanOf(entries.map((entry) => entry.label));
  return {
    entries: entries.length,
    taken: taken.length,
    areaUnderCurve: areaUnderCurve(entries),
    areaInterval: resampledInterval(entries, areaUnderCurve, 500, random),
    loss: logarithmicLoss(entries),
    baseLoss: logarithmicLoss(entries.map(({ label }) => ({ label, score: baseRate ?? 0.5 }))),
    accuracy: meanOf(entries.map((entry) => (entry.score >= threshold === (entry.label === 1) ? 1 : 0))),
    precision: meanOf(taken.map((entry) => entry.label)),
    baseRate,
    meanNetReturnTaken: net(taken),
    meanNetReturnAll: net(entries),
    meanNetReturnLeft: net(left),
  };
}
