import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StrategyStep } from '../strategy/strategy.js';
import { decide } from './decide.js';

const step = (intent: StrategyStep['intent']): StrategyStep => ({
  intent,
  stance: 'undecided',
  features: [],
  stopDistanceRatio: 0.02,
  reason: '',
});
const score = fc.option(fc.double(), { nil: undefined });

test('an entry needs a score of at least the threshold', () => {
  expect(decide(step('open'), 0.5, 0.5)).toEqual({ kind: 'trade', leg: 'open' });
  expect(decide(step('open'), 0.4999, 0.5)).toEqual({
    kind: 'notTraded',
    code: 'RISK_MODEL_THRESHOLD',
    failure: {
      code: 'RISK_MODEL_THRESHOLD',
      message: 'The model scored 0.4999, under the threshold 0.5000: the entry is not taken.',
      values: { score: '0.4999', threshold: '0.5000' },
    },
  });
});

test('an entry without a score, or with one that is not a number, is not taken', () => {
  expect(decide(step('open'), undefined, 0).kind).toBe('notTraded');
  expect(decide(step('open'), NaN, 0).kind).toBe('notTraded');
  expect(decide(step('open'), 0.9, NaN).kind).toBe('notTraded');
});

test('no score holds up a close, and none makes a trade of nothing', () => {
  fc.assert(
    fc.property(score, fc.double(), (any, threshold) => {
      expect(decide(step('close'), any, threshold)).toEqual({ kind: 'trade', leg: 'close' });
      expect(decide(step('none'), any, threshold)).toEqual({ kind: 'none' });
    }),
  );
});
