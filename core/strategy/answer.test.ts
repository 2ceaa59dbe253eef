import { expect, it } from 'vitest';
import { readAnswer } from './answer.js';
import type { StrategyStep } from './strategy.js';

const STEP: StrategyStep = {
  intent: 'open',
  stance: 'long',
  features: [1, 2],
  stopDistanceRatio: 0.02,
  volatilityRatio: 0.01,
  reason: 'up',
};
const read = (change: object) => readAnswer({ id: 'mine' }, { ...STEP, ...change });

it.each([{}, { intent: 'none' }, { intent: 'close' }, { volatilityRatio: undefined }, { features: [] }, { features: [Number.NaN] }])(
  'what is of its type is left as it is: %j',
  (change) => {
    expect(read(change)).toEqual({ step: { ...STEP, ...change } });
  },
);

it.each([
  [{ stopDistanceRatio: '0.02' }, 'stopDistanceRatio "0.02"'],
  [{ stopDistanceRatio: undefined }, 'stopDistanceRatio undefined'],
  [{ volatilityRatio: null, features: [1, '2'] }, 'volatilityRatio null, features [1,"2"]'],
  [{ features: 'x'.repeat(100) }, `features "${'x'.repeat(59)}`],
  [{ intent: 'sell' }, 'intent "sell"'],
])('nothing is entered on %j, and it names the strategy and what was wrong', (change, what) => {
  const { step, failure } = read(change);
  expect(failure).toMatchObject({ code: 'RISK_STRATEGY_ANSWER', values: { strategy: 'mine', what } });
  expect([step.intent, typeof step.stopDistanceRatio]).toEqual(['open', 'number']);
});

it('a close needs no figures', () => {
  const change = { intent: 'close', stopDistanceRatio: '0.02', volatilityRatio: '1', features: undefined, stance: 'short', reason: 7 };
  expect(read(change)).toEqual({ step: { intent: 'close', stance: 'undecided', features: [], stopDistanceRatio: 0, reason: '7' } });
});
