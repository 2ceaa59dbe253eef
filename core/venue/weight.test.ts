import { describe, expect, it, test } from 'vitest';
import { isWithinShare, WeightMeter } from './weight.js';

test.each([
  [0, true],
  [3_598, true],
  [3_599, true],
  [3_600, false],
  [6_000, false],
])('with %i of 6,000 used one order more is within the share of trading: %s', (used, isWithin) => {
  expect(isWithinShare({ used, limit: 6_000 })).toBe(isWithin);
});

describe('what a venue tells of its windows', () => {
  const minute = 60_000;
  const meter = (): WeightMeter => new WeightMeter({ limit: 6_000, windowMs: minute });

  it('is not known before it was told', () => {
    expect(meter().at(0)).toEqual({ kind: 'unknown' });
  });

  it('counts up within a window, however the answers overtake each other, and begins anew with the next', () => {
    const told = meter();
    told.see(40, 10 * minute);
    told.see(80, 10 * minute + 500);
    told.see(60, 10 * minute + 600);
    expect(told.at(11 * minute - 1)).toEqual({ kind: 'used', used: 80, limit: 6_000 });
    expect(told.at(11 * minute)).toEqual({ kind: 'used', used: 0, limit: 6_000 });
    told.see(5, 11 * minute + 1);
    told.see(90, 11 * minute - 1);
    expect(told.at(11 * minute + 2)).toEqual({ kind: 'used', used: 5, limit: 6_000 });
  });

  it('is held against what the venue says that it allows', () => {
    const told = meter();
    told.see(1, 0);
    told.allow(1_200);
    expect(told.at(1)).toMatchObject({ limit: 1_200 });
  });
});
