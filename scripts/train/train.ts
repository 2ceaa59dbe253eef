import { createHash } from 'node:crypto';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { lastColumns, type PriceColumns } from '../../core/strategy/price-columns.js';
import type { DailySeries } from './daily-series.js';
import { CLIP, fitLogistic, scoreOf, type LogisticModel } from './logistic.js';
import { compounded, coverageThreshold, seededRandom } from './measures.js';
import { encodeOnnx } from './onnx-file.js';
import { FEE_RATIO } from './round-trip.js';
import { collectSamples, type Sample } from './samples.js';
import { measureGate, scoreWalkForward, type GateMeasures, type ScoredSample } from './walk-forward.js';

export interface TrainingPlan {
  readonly trainedFrom: string;
  readonly trainedTo: string;
  /** First day of each walk-forward fold. */
  readonly foldStarts: readonly string[];
  /** Share of the strategy's entries that the gate should let through: the threshold is chosen for this, not for profit. */
  readonly coverage: number;
  /** Penalty of the fit. Strong, because the walk-forward says that there is little to learn (see the documentation). */
  readonly ridge: number;
  /** For the resampling of the intervals; the fit itself has no randomness. */
  readonly seed: number;
}

export const TRAINING_PLAN: TrainingPlan = {
  trainedFrom: '2000-01-03',
  trainedTo: '2011-12-30',
  foldStarts: [2004, 2005, 2006, 2007, 2008, 2009, 2010, 2011].map((year) => `${year}-01-01`),
  coverage: 0.7,
  ridge: 0.3,
  seed: 20_111_230,
};

export interface PeriodMeasures {
  readonly from: string;
  readonly to: string;
  readonly gate: GateMeasures;
  /** Everything on one position at a time, compounded, after fees. */
  readonly returnTaken: number;
  readonly returnAll: number;
  readonly returnAlwaysIn: number;
}

export interface TrainingResult {
  readonly bytes: Uint8Array;
  readonly hash: string;
  readonly threshold: number;
  readonly model: LogisticModel;
  readonly samples: number;
  /** Scores by models that had not seen the fold; and, by the final model, the years after training. */
  readonly walkForward: PeriodMeasures;
  readonly afterTraining: PeriodMeasures;
}

export function train(series: DailySeries, plan: TrainingPlan): TrainingResult {
  const first = indexFrom(series, plan.trainedFrom);
  const end = indexAfter(series, plan.trainedTo);
  const prices = slice(series.prices, first, end);
  const dates = series.dates.slice(first, end);
  const samples = collectSamples(prices);
  const foldStarts = plan.foldStarts.map((day) => dates.findIndex((date) => date >= day));
  const scored = scoreWalkForward(samples, foldStarts, plan.ridge);
  const entries = scored.filter((sample) => sample.isEntry);
  const threshold = roundedThreshold(
    coverageThreshold(
      entries.map((entry) => entry.score),
      plan.coverage,
    ),
  );
  const model = fitLogistic(samples, plan.ridge);
  const random = seededRandom(plan.seed);
  const walkForward = measurePeriod(entries, threshold, prices, dates, foldStarts[0] ?? 0, random);

  const later = slice(series.prices, end - momentumTrend.lookbackBars, series.dates.length);
  const laterEntries = scoreEntries(collectSamples(later), model);
  const laterDates = series.dates.slice(end - momentumTrend.lookbackBars);
  const afterTraining = measurePeriod(laterEntries, threshold, later, laterDates, momentumTrend.lookbackBars, random);

  const bytes = encodeModel(model, threshold, series.fileHash, plan, walkForward);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { bytes, hash, threshold, model, samples: samples.length, walkForward, afterTraining };
}

function scoreEntries(samples: readonly Sample[], model: LogisticModel): readonly ScoredSample[] {
  return samples.filter((sample) => sample.isEntry).map((sample) => ({ ...sample, score: scoreOf(model, sample.features) }));
}

function measurePeriod(
  entries: readonly ScoredSample[],
  threshold: number,
  prices: PriceColumns,
  dates: readonly string[],
  start: number,
  random: () => number,
): PeriodMeasures {
  const opened = prices.open[start] ?? 1;
  const closed = prices.close[prices.close.length - 1] ?? 1;
  const returns = (list: readonly ScoredSample[]): number => compounded(list.map((entry) => entry.trip.netReturn));
  return {
    from: dates[start] ?? '',
    to: dates[dates.length - 1] ?? '',
    gate: measureGate(entries, threshold, random),
    returnTaken: returns(entries.filter((entry) => entry.score >= threshold)),
    returnAll: returns(entries),
    returnAlwaysIn: ((closed / opened) * (1 - FEE_RATIO)) / (1 + FEE_RATIO) - 1,
  };
}

/** The scaler is part of the graph: who scores gives raw features and can forget nothing. */
function encodeModel(
  model: LogisticModel,
  threshold: number,
  dataHash: string,
  plan: TrainingPlan,
  walkForward: PeriodMeasures,
): Uint8Array {
  const width = model.weights.length;
  return encodeOnnx({
    name: 'momentum-entry',
    input: { name: 'features', width },
    output: { name: 'score', width: 1 },
    constants: {
      means: { shape: [width], values: model.means },
      deviations: { shape: [width], values: model.deviations },
      least: { shape: [], values: [-CLIP] },
      most: { shape: [], values: [CLIP] },
      weights: { shape: [width, 1], values: model.weights },
      bias: { shape: [1], values: [model.bias] },
    },
    nodes: [
      { operator: 'Sub', inputs: ['features', 'means'], outputs: ['centred'] },
      { operator: 'Div', inputs: ['centred', 'deviations'], outputs: ['standardised'] },
      { operator: 'Clip', inputs: ['standardised', 'least', 'most'], outputs: ['clipped'] },
      { operator: 'Gemm', inputs: ['clipped', 'weights', 'bias'], outputs: ['logit'] },
      { operator: 'Sigmoid', inputs: ['logit'], outputs: ['score'] },
    ],
    metadata: {
      strategy: momentumTrend.id,
      strategyVersion: momentumTrend.version,
      featureNames: JSON.stringify(momentumTrend.featureNames),
      scaler: JSON.stringify({ means: model.means, deviations: model.deviations, clip: CLIP }),
      label: `net return of the round trip above 0, ${FEE_RATIO * 10_000} bps a side`,
      threshold: String(threshold),
      trainedFrom: plan.trainedFrom,
      trainedTo: plan.trainedTo,
      dataHash,
      seed: String(plan.seed),
      ridge: String(plan.ridge),
      walkForward: JSON.stringify(walkForward, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)),
    },
  });
}

function roundedThreshold(score: number): number {
  return Math.floor(score * 10_000) / 10_000;
}

function indexFrom(series: DailySeries, day: string): number {
  const index = series.dates.findIndex((date) => date >= day);
  if (index < 0) throw new Error(`the series ends before ${day}`);
  return index;
}

function indexAfter(series: DailySeries, day: string): number {
  const index = series.dates.findIndex((date) => date > day);
  return index < 0 ? series.dates.length : index;
}

function slice(prices: PriceColumns, start: number, end: number): PriceColumns {
  return lastColumns(prices, end - start, end);
}
