import { expect, test } from 'vitest';
import { fitLogistic, scoreOf } from './logistic.js';
import { areaUnderCurve, compounded, coverageThreshold, logarithmicLoss, meanOf, resampledInterval, seededRandom } from './measures.js';

const scored = (...pairs: readonly (readonly [number, 0 | 1])[]) => pairs.map(([score, label]) => ({ score, label }));

test('the area under the curve counts pairs of winner and loser', () => {
  expect(areaUnderCurve(scored([0.9, 1], [0.1, 0]))).toBe(1);
  expect(areaUnderCurve(scored([0.1, 1], [0.9, 0]))).toBe(0);
  expect(areaUnderCurve(scored([0.5, 1], [0.5, 0]))).toBe(0.5);
  expect(areaUnderCurve(scored([0.9, 1], [0.4, 1], [0.5, 0], [0.1, 0]))).toBe(0.75);
});

test('what is not defined is undefined', () => {
  expect(areaUnderCurve(scored([0.9, 1]))).toBeUndefined();
  expect(meanOf([])).toBeUndefined();
  expect(logarithmicLoss([])).toBeUndefined();
  expect(resampledInterval([], meanOf, 10, seededRandom(1))).toBeUndefined();
  expect(() => coverageThreshold([], 0.5)).toThrow('no scores');
});

test('a threshold for a coverage is reached by that share of the scores', () => {
  expect(coverageThreshold([0.1, 0.2, 0.3, 0.4], 0.5)).toBe(0.3);
  expect(coverageThreshold([0.1, 0.2, 0.3, 0.4], 1)).toBe(0.1);
});

test('returns compound; the loss of a coin is ln 2', () => {
  expect(compounded([0.1, -0.1])).toBeCloseTo(-0.01, 12);
  expect(logarithmicLoss(scored([0.5, 1], [0.5, 0]))).toBeCloseTo(Math.LN2, 12);
});

test('an interval of resamplings is the same for the same seed and holds the mean', () => {
  const values = [1, 2, 3, 4, 5, 6, 7, 8];
  const interval = resampledInterval(values, meanOf, 200, seededRandom(7));
  expect(resampledInterval(values, meanOf, 200, seededRandom(7))).toEqual(interval);
  expect(interval?.low).toBeLessThan(4.5);
  expect(interval?.high).toBeGreaterThan(4.5);
});

test('the fit finds the log odds of a feature, and a feature that says nothing gets no weight', () => {
  // 3 of 4 win where the first feature is 1, 1 of 4 where it is −1: log odds ± ln 3
  const samples = [1, 1, 1, 0].flatMap((label) => [
    { features: [1, 5], label: label as 0 | 1 },
    { features: [-1, 5], label: (1 - label) as 0 | 1 },
  ]);
  const model = fitLogistic(samples, 1e-7);
  expect(model.weights[0]).toBeCloseTo(Math.log(3), 4);
  expect(model.weights[1]).toBeCloseTo(0, 6);
  expect(scoreOf(model, [1, 5])).toBeCloseTo(0.75, 4);
  expect(() => fitLogistic([], 0)).toThrow('no samples');
});
