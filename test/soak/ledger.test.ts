import { expect, it } from 'vitest';
import { isSound } from './ledger.js';

const DONE = { orders: 5_000, faultShare: 0.2, broken: [], differences: 0, midnights: 3, kills: { trading: 1, guardian: 1 } };

it.each([
  ['all that was asked for', {}, true],
  ['more of it', { orders: 5_001, faultShare: 0.31 }, true],
  ['an order too few', { orders: 4_999 }, false],
  ['too few faults', { faultShare: 0.199 }, false],
  ['no call at all', { faultShare: Number.NaN }, false],
  ['too few midnights', { midnights: 2 }, false],
  ['no guardian killed', { kills: { trading: 3 } }, false],
  ['something broken', { broken: ['main: the last reconciliation is failed'] }, false],
  ['a difference that stands', { differences: 1 }, false],
])('a soak of the ledger with %s is told by its exit: sound is %o', (_, change, sound) =>
  expect(isSound({ ...DONE, ...change }, { orders: 5_000 })).toBe(sound),
);
