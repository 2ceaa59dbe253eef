import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bar } from '../bars/bar.js';
import { quantize, type DecimalText } from '../money/index.js';
import { momentumTrend } from './momentum-trend.js';
import { findStrategy, STRATEGIES } from './registry.js';

const LOOKBACK = momentumTrend.lookbackBars;
const TICK = '0.00000001' as DecimalText;

/** Bars whose closes follow `returns`, with shadows of the given size on both sides. */
function barsOf(returns: readonly number[], start = 1000, shadow = 0.002): readonly Bar[] {
  let previous = start;
  return returns.map((change, index) => {
    const open = previous;
    const close = open * Math.exp(change);
    previous = close;
    return {
      instrument: 'BTC/USDT',
      intervalMs: 1000,
      openTime: index * 1000,
      closeTime: index * 1000 + 999,
      open: quantize(open, TICK),
      high: quantize(Math.max(open, close) * (1 + shadow), TICK),
      low: quantize(Math.min(open, close) * (1 - shadow), TICK),
      close: quantize(close, TICK),
      volume: '1' as DecimalText,
    };
  });
}

const stepsOf = (bars: readonly Bar[]) =>
  bars.map((_, index) => momentumTrend.step(bars.slice(Math.max(0, index + 1 - LOOKBACK), index + 1)));

/** Returns in whole basis points, up to 5 % a bar. */
const anyReturns = (minLength: number, maxLength: number) =>
  fc.array(
    fc.integer({ min: -500, max: 500 }).map((bps) => bps / 10_000),
    { minLength, maxLength },
  );

test('a fall, a rise and a fall give one open on the rise and one close after it', () => {
  const shape = [...Array<number>(LOOKBACK).fill(-0.002), ...Array<number>(30).fill(0.004), ...Array<number>(30).fill(-0.004)];
  const turns = stepsOf(barsOf(shape)).flatMap((step, index) => (step.intent === 'none' ? [] : [{ ...step, index }]));
  expect(turns.map((turn) => turn.intent)).toEqual(['open', 'close']);
  const [open, close] = turns;
  expect(open?.index).toBeGreaterThanOrEqual(LOOKBACK);
  expect(open?.index).toBeLessThan(LOOKBACK + 10);
  expect(close?.index).toBeGreaterThan(LOOKBACK + 30);
  expect(close?.index).toBeLessThan(LOOKBACK + 40);
  expect(open?.reason).toMatch(/^trend up: averages \+\d\.\d\d true ranges apart$/);
  expect(close?.reason).toMatch(/^trend over/);
});

test('a flat market trades nothing and has neutral features', () => {
  const step = momentumTrend.step(barsOf(Array<number>(LOOKBACK).fill(0), 1000, 0));
  expect(step.intent).toBe('none');
  expect(step.features.every((value) => value === 0)).toBe(true);
  expect(step.volatilityRatio).toBe(0);
});

test('the volatility is that of the returns of the feature window, and of no bar before it', () => {
  const swing = (size: number) => (_: unknown, index: number) => (index % 2 ? size : -size);
  const wild = Array.from({ length: LOOKBACK - 63 }, swing(0.2));
  const calm = Array.from({ length: 63 }, swing(0.01));
  expect(momentumTrend.step(barsOf([...wild, ...calm])).volatilityRatio).toBeCloseTo(0.01, 6);
  fc.assert(
    fc.property(anyReturns(63, 63), (returns) => {
      const squares = returns.reduce((sum, change) => sum + change * change, 0);
      const { volatilityRatio } = momentumTrend.step(barsOf([...wild, ...returns]));
      expect(volatilityRatio).toBeCloseTo(Math.sqrt(squares / 63), 6);
    }),
    { numRuns: 30 },
  );
});

test('a window that is too short gives no features and no intention', () => {
  const step = momentumTrend.step(barsOf(Array<number>(LOOKBACK - 1).fill(0.01)));
  expect(step).toEqual({
    intent: 'none',
    stance: 'undecided',
    features: [],
    stopDistanceRatio: 0,
    reason: `warming up: ${LOOKBACK - 1} of ${LOOKBACK} bars`,
  });
});

test('the step is a function of the window: asked again it answers the same, and older bars change nothing', () => {
  fc.assert(
    fc.property(anyReturns(LOOKBACK, LOOKBACK + 40), fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (returns, start) => {
      const bars = barsOf(returns, start);
      const window = bars.slice(-LOOKBACK);
      const before = structuredClone(window);
      const step = momentumTrend.step(window);
      expect(momentumTrend.step(window)).toEqual(step);
      expect(momentumTrend.step(bars)).toEqual(step);
      expect(window).toEqual(before);
    }),
    { numRuns: 30 },
  );
});

test('features are finite, within ±8, as many as their names, and the stop lies within its bounds', () => {
  fc.assert(
    fc.property(anyReturns(LOOKBACK, LOOKBACK), fc.double({ min: 0, max: 0.05, noNaN: true }), (returns, shadow) => {
      const step = momentumTrend.step(barsOf(returns, 1000, shadow));
      expect(step.features).toHaveLength(momentumTrend.featureNames.length);
      for (const value of step.features) expect(Math.abs(value)).toBeLessThanOrEqual(8);
      expect(step.stopDistanceRatio).toBeGreaterThanOrEqual(0.004);
      expect(step.stopDistanceRatio).toBeLessThanOrEqual(0.12);
    }),
    { numRuns: 30 },
  );
});

test('features do not depend on the scale of the price', () => {
  fc.assert(
    fc.property(anyReturns(LOOKBACK, LOOKBACK), fc.integer({ min: 1, max: 500 }), (returns, scale) => {
      const small = momentumTrend.step(barsOf(returns, 100));
      const large = momentumTrend.step(barsOf(returns, 100 * scale));
      small.features.forEach((value, index) => expect(large.features[index]).toBeCloseTo(value, 5));
    }),
    { numRuns: 20 },
  );
});

test('opens and closes alternate while trends are shorter than the memory', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 8, max: 24 }), { minLength: 4, maxLength: 8 }), (lengths) => {
      const shape = lengths.flatMap((length, index) => Array<number>(length).fill(index % 2 ? 0.006 : -0.006));
      const intents = stepsOf(barsOf([...Array<number>(LOOKBACK).fill(-0.001), ...shape]))
        .slice(LOOKBACK)
        .map((step) => step.intent)
        .filter((intent) => intent !== 'none');
      intents.forEach((intent, index) => expect(intent).toBe(index % 2 ? 'close' : 'open'));
    }),
    { numRuns: 15 },
  );
});

test('every strategy is registered under its own id', () => {
  for (const [id, strategy] of STRATEGIES) expect(strategy.id).toBe(id);
  expect(findStrategy('momentum')).toBe(momentumTrend);
  expect(findStrategy('none')).toBeUndefined();
});
