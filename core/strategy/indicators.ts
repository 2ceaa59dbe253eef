/**
 * Indicators over columns of floats, oldest first. Each returns one value, for the last bar of what it is given, and
 * depends on nothing but that: two windows that end in the same bars give the same value, to the last bit. That is why
 * averages of infinite memory (EMA, RSI, ATR) are seeded at the start of the window, as stated at each.
 *
 * None returns NaN or an infinity for finite positive prices: where a denominator is zero (a flat market) the neutral
 * value is returned. Asking for more bars than there are is an error of the caller and throws.
 */
import type { PriceColumns } from './price-columns.js';

type Series = ArrayLike<number>;

/** Numerator over denominator; 0 where the denominator is not positive. */
export function safeRatio(numerator: number, denominator: number): number {
  return denominator > 0 ? numerator / denominator : 0;
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/**
 * Exponential average with weight 2 / (period + 1). Seed: the mean of the first `period` values of the window; every
 * later value is smoothed in. Returns the averages from the seed on, so the last one belongs to the last bar.
 */
export function exponentialAverages(values: Series, period: number): Float64Array {
  requireLength(values, period);
  const averages = new Float64Array(values.length - period + 1);
  let average = 0;
  for (let i = 0; i < period; i += 1) average += at(values, i) / period;
  averages[0] = average;
  const weight = 2 / (period + 1);
  for (let i = period; i < values.length; i += 1) {
    average += weight * (at(values, i) - average);
    averages[i - period + 1] = average;
  }
  return averages;
}

/**
 * Relative strength, 0–100, Wilder's smoothing (weight 1 / period). Seed: the mean gain and the mean loss of the first
 * `period` changes of the window. 50 where nothing moved.
 */
export function relativeStrength(closes: Series, period: number): number {
  requireLength(closes, period + 1);
  let gain = 0;
  let loss = 0;
  for (let i = 1; i < closes.length; i += 1) {
    const change = at(closes, i) - at(closes, i - 1);
    const decay = i <= period ? 1 : (period - 1) / period;
    gain = gain * decay + Math.max(change, 0) / period;
    loss = loss * decay + Math.max(-change, 0) / period;
  }
  return gain + loss > 0 ? (100 * gain) / (gain + loss) : 50;
}

/**
 * Average true range in price units, Wilder's smoothing. Seed: the mean of the first `period` true ranges of the
 * window; the first true range needs a previous close, so `period + 1` bars are the least.
 */
export function averageTrueRange(prices: PriceColumns, period: number): number {
  requireLength(prices.close, period + 1);
  let average = 0;
  for (let i = 1; i < prices.close.length; i += 1) {
    const previousClose = at(prices.close, i - 1);
    const range = Math.max(at(prices.high, i), previousClose) - Math.min(at(prices.low, i), previousClose);
    average = i <= period ? average + range / period : average + (range - average) / period;
  }
  return average;
}

/** ln(last close / the close `period` bars before). */
export function logReturn(closes: Series, period: number): number {
  requireLength(closes, period + 1);
  return Math.log(at(closes, closes.length - 1) / at(closes, closes.length - 1 - period));
}

/** Root mean square of the last `period` one-bar log returns: volatility a bar, around zero, not around their mean. */
export function realizedVolatility(closes: Series, period: number): number {
  requireLength(closes, period + 1);
  let squares = 0;
  for (let i = closes.length - period; i < closes.length; i += 1) {
    const change = Math.log(at(closes, i) / at(closes, i - 1));
    squares += change * change;
  }
  return Math.sqrt(squares / period);
}

/** Net movement over the sum of all movements of the last `period` bars: 1 straight, 0 going nowhere. */
export function efficiency(closes: Series, period: number): number {
  requireLength(closes, period + 1);
  const last = closes.length - 1;
  let path = 0;
  for (let i = closes.length - period; i <= last; i += 1) path += Math.abs(at(closes, i) - at(closes, i - 1));
  return Math.min(1, safeRatio(Math.abs(at(closes, last) - at(closes, last - period)), path));
}

/** Where the last close lies between the lowest low (0) and the highest high (1) of the last `period` bars. */
export function rangePosition(prices: PriceColumns, period: number): number {
  requireLength(prices.close, period);
  let lowest = Infinity;
  let highest = -Infinity;
  for (let i = prices.close.length - period; i < prices.close.length; i += 1) {
    lowest = Math.min(lowest, at(prices.low, i));
    highest = Math.max(highest, at(prices.high, i));
  }
  if (!(highest > lowest)) return 0.5;
  return clamp((at(prices.close, prices.close.length - 1) - lowest) / (highest - lowest), 0, 1);
}

function at(values: Series, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no value at ${index} of ${values.length}`);
  return value;
}

function requireLength(values: Series, least: number): void {
  if (values.length < least) throw new RangeError(`${least} values are needed, ${values.length} were given`);
}
