import { describe, expect, it, test } from 'vitest';
import { isWithinReconcilersShare, isWithinShare, WeightMeter } from './weight.js';

test.each([
  [0, true],
  [3_598, true],
  [3_599, true],
  [3_600, false],
  [6_000, false],
])('with %i of 6,000 used one order more is within the share of trading: %s', (used, isWithin) => {
  expect(isWithinShare({ used, limit: 6_000 })).toBe(isWithin);
});

test.each([
  [4_700, true],
  [4_701, false],
])('with %i of 6,000 used a look that costs 100 leaves a kill what is its own: %s', (used, isWithin) => {
  expect(isWithinReconcilersShare({ used, limit: 6_000 }, 100)).toBe(isWithin);
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

  it('goes on with what is told now, where our clock was ahead when it was told before', () => {
    const told = meter();
    told.see(420, 20 * minute);
    // The clock is right again, by ten minutes: of this window nothing is known before the venue tells it.
    expect(told.at(10 * minute)).toEqual({ kind: 'unknown' });
    told.see(5_900, 10 * minute + 1);
    expect(told.at(10 * minute + 2)).toEqual({ kind: 'used', used: 5_900, limit: 6_000 });
    told.see(5_000, 10 * minute + 3);
    expect(told.at(10 * minute + 4)).toMatchObject({ used: 5_900 });
    expect(told.at(11 * minute)).toMatchObject({ used: 0 });
  });

  it('is held against what the venue says that it allows', () => {
    const told = meter();
    told.see(1, 0);
    told.allow(1_200);
    expect(told.at(1)).toMatchObject({ limit: 1_200 });
  });

  it('has what is on its way in it, until its answer is here', () => {
    const told = meter();
    told.see(3_598, 0);
    const first = told.claim(1);
    const second = told.claim(1);
    expect([first.kind, second.kind, told.claim(1)]).toEqual(['taken', 'taken', { kind: 'over', used: 3_600, limit: 6_000 }]);
    expect(told.at(1)).toEqual({ kind: 'used', used: 3_600, limit: 6_000 });
    if (first.kind !== 'taken' || second.kind !== 'taken') throw new Error('they are taken');
    // The answer of one, and none of the other: that has used nothing that the venue tells of.
    told.see(3_599, 2);
    first.free(true);
    second.free(true);
    expect(told.at(2)).toEqual({ kind: 'used', used: 3_599, limit: 6_000 });
    expect(told.claim(2).kind).toBe('taken');
    expect(told.claim(2).kind).toBe('over');
    // What left in one window may count in the next.
    expect(told.at(minute)).toEqual({ kind: 'used', used: 1, limit: 6_000 });
  });

  it('is closed while the venue wants not to be asked, for five minutes at most', () => {
    const told = meter();
    told.see(40, 0);
    told.block(7_000, 1_000);
    told.block(2_000, 1_500);
    expect([told.blockedMs(2_000), told.blockedMs(7_999), told.blockedMs(8_000)]).toEqual([6_000, 1, 0]);
    expect([told.at(7_999), told.at(8_000)]).toEqual([
      { kind: 'closed', forMs: 1 },
      { kind: 'used', used: 40, limit: 6_000 },
    ]);
    told.block(3 * 86_400_000, 10_000);
    expect(told.blockedMs(10_000)).toBe(300_000);
  });
});
