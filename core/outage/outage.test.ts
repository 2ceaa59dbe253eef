import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, OUTAGE } from './rules.js';
import { isComparedSince, unsteady, type Asked, type OutageFacts } from './steady.js';

const NOW = 1_800_000_000_000;
const BACK: OutageFacts = {
  ...{ outageId: 'o', account: 'main', now: NOW, beganTime: NOW - 300_000, overTime: NOW - 20_000, answeredTime: NOW - 25_000, tries: 9 },
  ...{ resumedTime: null, partTime: NOW - 10_000, mode: 'paused', halt: null, cleanTime: NOW - 5_000, holdTime: NOW - 180_000 },
  ...{ differences: null, givenUp: null, watch: { sampleAgeMs: 500, isEquityKnown: true, standing: [] } },
};
const ANSWERED: Asked = { hasAnswered: true, skewMs: 20 };

describe('whether a venue is back', () => {
  const watch = { sampleAgeMs: 500, isEquityKnown: true, standing: [] };
  it.each<[string, Partial<OutageFacts>, Asked, readonly string[]]>([
    ['it is', {}, ANSWERED, []],
    ['no watch', { watch: null }, ANSWERED, ['the account watch is silent']],
    ['a sample of a clock that was set back', { watch: { ...watch, sampleAgeMs: -2_001 } }, ANSWERED, ['the account watch is silent']],
    ['an old sample', { watch: { ...watch, sampleAgeMs: 5_001 } }, ANSWERED, ['the account watch is silent']],
    ['no answer', {}, { hasAnswered: false, detail: 'down' }, ['it does not answer: down']],
    ['lost again', { overTime: null, answeredTime: null }, ANSWERED, ['it counts as lost']],
    ['quiet data', { watch: { ...watch, standing: ['noMarketData'] } }, ANSWERED, ['the account watch finds noMarketData']],
    // What only warns, or reduces, keeps no venue from being there.
    ['a loss', { watch: { ...watch, standing: ['dailyLossLimit'] } }, ANSWERED, []],
    ['no equity', { watch: { ...watch, isEquityKnown: false } }, ANSWERED, ['the equity is not known']],
    ['a clock that is off', {}, { hasAnswered: true, skewMs: -501 }, ['its clock is -501 ms off (limit 500 ms)']],
  ])('%s', (_, change, asked, found) => expect(unsteady({ ...BACK, ...change }, asked, OUTAGE.clockSkewMs)).toEqual(found));

  it('a comparison counts that began after its return, its answer, and every cause of the pause', () => {
    const time = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(fc.option(time), fc.option(time), fc.option(time), fc.option(time), (cleanTime, overTime, answeredTime, holdTime) => {
        const isAfter = (other: number | null): boolean => cleanTime !== null && other !== null && cleanTime > other;
        const expected = isAfter(overTime) && isAfter(answeredTime) && (holdTime === null ? isAfter(0) : isAfter(holdTime));
        expect(isComparedSince({ ...BACK, cleanTime, overTime, answeredTime, holdTime })).toBe(expected);
      }),
    );
  });
});

it('tries come further and further apart, up to the longest', () => {
  expect([0, 1, 2, 3, 4, 5, 1_000].map((tries) => backoffMs(tries, OUTAGE))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});
