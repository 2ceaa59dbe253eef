import { expect, test } from 'vitest';
import type { PriceColumns } from '../../core/strategy/price-columns.js';
import type { StrategyStep } from '../../core/strategy/strategy.js';
import { roundTripFrom } from './round-trip.js';

const step = (intent: StrategyStep['intent']): StrategyStep => ({
  intent,
  stance: 'undecided',
  features: [0],
  stopDistanceRatio: 0.1,
  reason: '',
});
const bars = (rows: readonly (readonly [open: number, low: number])[]): PriceColumns => ({
  open: Float64Array.from(rows, ([open]) => open),
  high: Float64Array.from(rows, ([open]) => open),
  low: Float64Array.from(rows, ([, low]) => low),
  close: Float64Array.from(rows, ([open]) => open),
});
const bothFees = (growth: number): number => (growth * 0.999) / 1.001 - 1;

test('bought at the open after the decision, sold at the open after the close', () => {
  const steps = [step('open'), step('none'), step('close'), step('none')];
  const trip = roundTripFrom(
    bars([
      [90, 90],
      [100, 95],
      [105, 100],
      [110, 105],
    ]),
    steps,
    0,
  );
  expect(trip).toEqual({ decided: 0, left: 3, leftBy: 'close', netReturn: bothFees(1.1) });
});

test('a stop is left at its price, or at the open of a bar that gapped through it', () => {
  const steps = [step('open'), step('none'), step('none'), step('none')];
  expect(
    roundTripFrom(
      bars([
        [90, 90],
        [100, 95],
        [99, 89],
        [95, 95],
      ]),
      steps,
      0,
    ),
  ).toEqual({
    decided: 0,
    left: 2,
    leftBy: 'stop',
    netReturn: bothFees(0.9),
  });
  expect(
    roundTripFrom(
      bars([
        [90, 90],
        [100, 95],
        [80, 79],
        [95, 95],
      ]),
      steps,
      0,
    )?.netReturn,
  ).toBe(bothFees(0.8));
});

test('a position that the series does not see to its end has no outcome', () => {
  expect(
    roundTripFrom(
      bars([
        [90, 90],
        [100, 95],
      ]),
      [step('open'), step('none')],
      0,
    ),
  ).toBeUndefined();
  expect(roundTripFrom(bars([[90, 90]]), [step('open')], 0)).toBeUndefined();
});
