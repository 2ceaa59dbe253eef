import type { Bar } from '../bars/bar.js';
import { toFloat } from '../money/index.js';

/** Bars as columns of floats, oldest first: what indicators read. Nothing computed from them is ever money again. */
export interface PriceColumns {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

export function priceColumnsOf(bars: readonly Bar[]): PriceColumns {
  return {
    open: Float64Array.from(bars, (bar) => toFloat(bar.open)),
    high: Float64Array.from(bars, (bar) => toFloat(bar.high)),
    low: Float64Array.from(bars, (bar) => toFloat(bar.low)),
    close: Float64Array.from(bars, (bar) => toFloat(bar.close)),
  };
}

/** A view (no copy) of `length` bars that ends before index `end`. */
export function lastColumns(prices: PriceColumns, length: number, end: number = prices.close.length): PriceColumns {
  const start = Math.max(0, end - length);
  return {
    open: prices.open.subarray(start, end),
    high: prices.high.subarray(start, end),
    low: prices.low.subarray(start, end),
    close: prices.close.subarray(start, end),
  };
}
