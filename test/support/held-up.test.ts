import { expect, it } from 'vitest';
import { ownTime, type Look } from './held-up.js';

const looks = (...parts: readonly (readonly [ms: number, isAtDisk?: boolean])[]): Look[] => {
  let time = 1_000;
  return [{ time, isAtDisk: false }, ...parts.map(([ms, isAtDisk = false]) => ({ time: (time += ms), isAtDisk }))];
};

it.each([
  ['looks in time tell all of it', looks(...Array.from({ length: 125 }, () => [20] as const)), 2_500],
  ['looks on a busy machine, too', looks(...Array.from({ length: 30 }, () => [90] as const)), 2_700],
  ['what nobody had time to look at does not count', looks([20], [2_000], [20]), 140],
  ['nor what the disk takes', looks([20], [80, true], [80, true], [20]), 40],
  ['one look says nothing', looks(), 0],
])('%s', (_, seen, own) => {
  expect(ownTime(seen)).toBe(own);
});
