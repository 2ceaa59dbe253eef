import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  averageTrueRange,
  efficiency,
  exponentialAverages,
  logReturn,
  rangePosition,
  realizedVolatility,
  relativeStrength,
  safeRatio,
} from './indicators.js';
import type { PriceColumns } from './price-columns.js';

const columns = (rows: readonly (readonly [number, number, number, number])[]): PriceColumns => ({
  open: Float64Array.from(rows, ([open]) => open),
  high: Float64Array.from(rows, ([, high]) => high),
  low: Float64Array.from(rows, ([, , low]) => low),
  close: Float64Array.from(rows, ([, , , close]) => close),
});

// The expected figures of these tables were worked out by hand.

test('the exponential average begins with the mean of the first period', () => {
  // weight 2 / (3 + 1) = 1/2; seed (2 + 4 + 6) / 3 = 4; then 4 + (8 − 4)/2 = 6; then 6 + (2 − 6)/2 = 4
  expect([...exponentialAverages([2, 4, 6, 8, 2], 3)]).toEqual([4, 6, 4]);
});

test('relative strength by Wilder', () => {
  // changes +2 −1 | +1, period 2: seed gain 1, loss 0.5; then gain (1 + 1)/2 = 1, loss 0.25 → 100 · 1 / 1.25
  expect(relativeStrength([10, 12, 11], 2)).toBeCloseTo(100 / 1.5, 12);
  expect(relativeStrength([10, 12, 11, 12], 2)).toBeCloseTo(80, 12);
  expect(relativeStrength([1, 2, 3, 4], 3)).toBe(100);
  expect(relativeStrength([4, 3, 2, 1], 3)).toBe(0);
  expect(relativeStrength([5, 5, 5, 5], 3)).toBe(50);
});

test('the true range counts a gap from the close before', () => {
  const prices = columns([
    [10, 11, 9, 10],
    [10, 12, 10, 11], // 2
    [14, 15, 14, 14], // from 11 to 15: 4
    [14, 15, 14, 15], // 1, smoothed: 3 + (1 − 3)/2
  ]);
  expect(
    averageTrueRange(
      columns([
        [10, 11, 9, 10],
        [10, 12, 10, 11],
        [14, 15, 14, 14],
      ]),
      2,
    ),
  ).toBe(3);
  expect(averageTrueRange(prices, 2)).toBe(2);
});

test('returns and volatility are logarithmic, volatility around zero', () => {
  expect(logReturn([50, 100, 200], 2)).toBeCloseTo(Math.log(4), 12);
  // two changes of ±ln 2: their root mean square is ln 2 though their mean is 0
  expect(realizedVolatility([100, 200, 100], 2)).toBeCloseTo(Math.LN2, 12);
});

test('efficiency is net movement over the path, the range position where the close lies in it', () => {
  expect(efficiency([1, 2, 3, 4], 3)).toBe(1);
  expect(efficiency([1, 3, 2, 3], 3)).toBe(0.5); // 2 of 2 + 1 + 1
  expect(efficiency([2, 2, 2, 2], 3)).toBe(0);
  expect(
    rangePosition(
      columns([
        [1, 100, 1, 50],
        [5, 8, 4, 5],
        [5, 6, 5, 7],
      ]),
      2,
    ),
  ).toBe(0.75);
  expect(
    rangePosition(
      columns([
        [5, 5, 5, 5],
        [5, 5, 5, 5],
      ]),
      2,
    ),
  ).toBe(0.5);
});

test('a ratio over nothing is neutral, and too short a window is refused', () => {
  expect(safeRatio(3, 0)).toBe(0);
  expect(() => exponentialAverages([1, 2], 3)).toThrow('3 values are needed, 2 were given');
  expect(() => relativeStrength([1, 2, 3], 3)).toThrow(RangeError);
});

test('for any positive prices every indicator is finite and within its bounds', () => {
  const price = fc.double({ min: 1e-6, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(fc.array(price, { minLength: 16, maxLength: 40 }), (closes) => {
      const prices = columns(closes.map((close) => [close, close * 1.01, close * 0.99, close]));
      const least = Math.min(...closes);
      const most = Math.max(...closes);
      for (const average of exponentialAverages(closes, 5)) {
        expect(average).toBeGreaterThanOrEqual(least * (1 - 1e-9));
        expect(average).toBeLessThanOrEqual(most * (1 + 1e-9));
      }
      for (const [value, top] of [
        [relativeStrength(closes, 14), 100],
        [efficiency(closes, 14), 1],
        [rangePosition(prices, 14), 1],
        [averageTrueRange(prices, 14), 1.01 * most],
        [realizedVolatility(closes, 14), Math.log(most / least) + 1e-9],
      ] as const) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(top + 1e-9);
      }
    }),
  );
});
