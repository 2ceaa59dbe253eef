import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comparedEachMinutes, isCompared, SLOWEST_MINUTES } from './pace.js';

const MINUTE_MS = 60_000;
const WEIGHT = { limit: 6_000, windowMs: 60_000 };

it.each([
  [[161], 1],
  [[600], 1],
  [[300, 301], 2],
  [Array.from({ length: 7 }, () => 161), 2],
  [Array.from({ length: 11 }, () => 161), 3],
  [Array.from({ length: 40 }, () => 161), SLOWEST_MINUTES],
  [[], 1],
])('%j are compared each %d minutes', (weights, each) => {
  expect(comparedEachMinutes(WEIGHT, weights)).toBe(each);
});

it('those that are found clean take turns: none waits longer than the pace, and no minute has more than its part of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3 }), fc.nat(1e6), (accounts, eachMinutes, first) => {
      // All at once at a start.
      const last = Array.from({ length: accounts }, () => first);
      for (let minute = first + 1; minute < first + 20; minute += 1) {
        const now = minute * MINUTE_MS + 3_000;
        const due = last.flatMap((at, place) => (isCompared({ eachMinutes, place }, now, now - at * MINUTE_MS - 2_000) ? [place] : []));
        expect(due.length).toBeLessThanOrEqual(Math.ceil(accounts / eachMinutes));
        for (const place of due) last[place] = minute;
        expect(minute - Math.min(...last)).toBeLessThan(eachMinutes);
      }
    }),
  );
});

it('one that was not found clean, or whose turn was left out, is compared in any minute', () => {
  const pace = { eachMinutes: 3, place: 0 };
  const others = [MINUTE_MS, 2 * MINUTE_MS];
  for (const now of others) {
    expect(isCompared(pace, now, undefined)).toBe(true);
    expect(isCompared(pace, now, 3 * MINUTE_MS)).toBe(true);
    expect(isCompared(pace, now, 3 * MINUTE_MS - 1)).toBe(false);
  }
  expect(isCompared(pace, 0, 0)).toBe(true);
});
