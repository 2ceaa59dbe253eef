import { expect, it } from 'vitest';
import { WaitedTime } from './waited-time.js';

it('is the time since the first look, or since others began', () => {
  const waited = new WaitedTime(1_000);
  expect([waited.at(1_000, 0), waited.at(1_500, 500), waited.at(21_500, 500)]).toEqual([0, 500, 20_500]);
  expect(new WaitedTime(1_000, 400).at(1_000, 0)).toBe(600);
});

it('begins anew after a machine that slept, each time', () => {
  const waited = new WaitedTime(0);
  expect([waited.at(3_600_000, 500), waited.at(3_600_500, 500), waited.at(9_000_000, 500), waited.at(9_000_700, 500)]).toEqual([
    0, 500, 0, 700,
  ]);
});

it('counts looks that are slow one after the other, and pauses that are long on purpose', () => {
  const slow = new WaitedTime(0);
  expect([slow.at(40_000, 500), slow.at(80_000, 500), slow.at(120_000, 500)]).toEqual([0, 40_000, 80_000]);
  expect(new WaitedTime(0).at(60_000, 30_000)).toBe(60_000);
});
