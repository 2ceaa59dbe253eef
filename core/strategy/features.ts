/**
 * What the model is shown of a window. Every feature is a ratio (to the average true range, to the volatility, to a
 * range), so that an index at 1,300 and a coin at 60,000 look alike and one model serves both. Each is bounded, also
 * for prices that nobody has seen yet.
 */
import type { PriceColumns } from './price-columns.js';
import {
  averageTrueRange,
  clamp,
  efficiency,
  exponentialAverages,
  logReturn,
  rangePosition,
  realizedVolatility,
  relativeStrength,
  safeRatio,
} from './indicators.js';

/** Bars that the features need, and are computed from: exactly this many. */
export const FEATURE_BARS = 64;

export const FAST_PERIOD = 4;
export const SLOW_PERIOD = 10;
export const RANGE_PERIOD = 14;
const SLOPE_BARS = 5;
const BOUND = 8;

export const FEATURE_NAMES: readonly string[] = [
  'averageSpread',
  'distanceToSlow',
  'slowSlope',
  'relativeStrength',
  'return5',
  'return20',
  'volatilityChange',
  'rangePosition20',
  'efficiency20',
  'bodyOfBar',
];

/** The indicators that both the strategy's conditions and the features rest on, for the last bar of the window. */
export interface TrendReading {
  /** Average true range as a fraction of the close. */
  readonly rangeRatio: number;
  /** (fast average − slow average) in average true ranges. */
  readonly spread: number;
  /** (close − slow average) in average true ranges. */
  readonly distance: number;
  /** Change of the slow average over 5 bars in average true ranges. */
  readonly slope: number;
}

/** `prices`: exactly `FEATURE_BARS` bars, so that the seeds of the averages lie on the same bar whoever asks. */
export function readTrend(prices: PriceColumns): TrendReading {
  const fast = exponentialAverages(prices.close, FAST_PERIOD);
  const slow = exponentialAverages(prices.close, SLOW_PERIOD);
  const range = averageTrueRange(prices, RANGE_PERIOD);
  const close = last(prices.close);
  const slowNow = last(slow);
  return {
    rangeRatio: safeRatio(range, close),
    spread: bounded(safeRatio(last(fast) - slowNow, range)),
    distance: bounded(safeRatio(close - slowNow, range)),
    slope: bounded(safeRatio(slowNow - last(slow, SLOPE_BARS), range)),
  };
}

/** Values in the order of `FEATURE_NAMES`, all within ±8. `prices` and `trend` belong to the same `FEATURE_BARS` bars. */
export function featuresOf(prices: PriceColumns, trend: TrendReading): readonly number[] {
  const { close } = prices;
  const volatility20 = realizedVolatility(close, 20);
  return [
    trend.spread,
    trend.distance,
    trend.slope,
    (relativeStrength(close, 14) - 50) / 50,
    bounded(safeRatio(logReturn(close, 5), volatility20 * Math.sqrt(5))),
    bounded(safeRatio(logReturn(close, 20), volatility20 * Math.sqrt(20))),
    volatilityChange(realizedVolatility(close, 10), realizedVolatility(close, 50)),
    2 * rangePosition(prices, 20) - 1,
    efficiency(close, 20),
    bounded(safeRatio(last(close) - last(prices.open), trend.rangeRatio * last(close))),
  ];
}

function volatilityChange(recent: number, usual: number): number {
  return recent > 0 && usual > 0 ? bounded(Math.log(recent / usual)) : 0;
}

function bounded(value: number): number {
  return clamp(value, -BOUND, BOUND);
}

function last(values: Float64Array, before = 0): number {
  const value = values[values.length - 1 - before];
  if (value === undefined) throw new RangeError(`the window has no bar ${before} before its last`);
  return value;
}
