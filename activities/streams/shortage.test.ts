import { beforeEach, expect, it } from 'vitest';
import { Shortage } from './shortage.js';

const WINDOW_MS = 60_000;
const RESTING = new Set(['a', 'b']);
let shortage: Shortage;
beforeEach(() => void (shortage = new Shortage()));

const short = (now: number, orders: readonly string[] = ['a'], areFillsWaiting = false): void =>
  shortage.see(now, { orders, areFillsWaiting }, WINDOW_MS);
/** Short at the end of each window only, as where another program at the address uses most of it. */
const shortUntil = (end: number, from = 0): void => {
  for (let now = from; now <= end; now += WINDOW_MS) {
    short(now);
    short(now + 1_000, []);
  }
};
const severities = (now: number): readonly string[] => shortage.told(now, RESTING).map(({ severity }) => severity);

it('is told of when it has been so in each window for two minutes, and once more after ten', () => {
  shortUntil(60_000);
  expect(severities(119_999)).toEqual([]);
  shortUntil(120_000, 120_000);
  expect(severities(120_000)).toEqual(['warning']);
  shortUntil(600_000, 180_000);
  expect(severities(600_000)).toEqual(['warning', 'error']);
});

it('is over after a window in which nothing had to wait', () => {
  shortUntil(600_000);
  short(660_000, []);
  expect(severities(660_000)).toEqual(['warning', 'error']);
  short(660_001, []);
  expect(severities(660_001)).toEqual([]);
  short(700_000);
  expect(severities(701_000)).toEqual([]);
});

it('says what has waited and still rests, and no more than twenty of it by name', () => {
  short(0, ['a', 'gone']);
  short(60_000, ['b'], true);
  short(120_000);
  expect(shortage.told(120_000, RESTING)).toEqual([
    { severity: 'warning', forMinutes: 2, notLookedUp: ['a', 'b'], count: 2, notListed: ['fills'] },
  ]);
  const many = Array.from({ length: 25 }, (_, index) => `${index}`);
  short(121_000, many);
  expect(shortage.told(121_000, new Set(many))).toMatchObject([{ notLookedUp: many.slice(0, 20), count: 25 }]);
  expect(new Shortage().told(0, RESTING)).toEqual([]);
});

it('nothing is told where all that has waited rests no more', () => {
  shortUntil(120_000);
  expect(shortage.told(120_000, new Set())).toEqual([]);
});

it('a clock that was set back makes it no longer', () => {
  shortUntil(600_000);
  short(0);
  expect(severities(600_000)).toEqual(['warning', 'error']);
  expect(severities(1_000)).toEqual([]);
});
