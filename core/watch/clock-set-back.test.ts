import { describe, expect, it } from 'vitest';
import { Decimal, ZERO } from '../money/index.js';
import { findingsOf, isConfirmed, nextRuns } from './conditions.js';
import { moved, type Performance } from './performance.js';
import { explainedSoFar, onDay } from './unexplained.js';

const DAY = 86_400_000;
const NOON = 20_000 * DAY + DAY / 2;
const money = (amount: number): Decimal => new Decimal(amount);
const at = (before: Performance | undefined, now: number, equity: number): Performance =>
  moved(before, { now, equity: money(equity), flow: ZERO });

describe('a clock of the database’s that was ahead, past midnight, and is set back', () => {
  const begun = at(undefined, NOON, 100);

  it('the day that is to come is today, its loss is not forgotten, and the next day opens', () => {
    const back = at(at(begun, NOON + DAY, 90), NOON, 80);
    expect(back).toMatchObject({ day: 20_000 * DAY, dayOpening: '100', dayBasis: '100' });
    expect(at(back, NOON + DAY, 79)).toMatchObject({ day: 20_001 * DAY, dayOpening: '80' });
  });

  it('and is measured against what the account was worth last, where that is stricter', () => {
    expect(at(at(begun, NOON + DAY, 110), NOON, 99)).toMatchObject({ day: 20_000 * DAY, dayOpening: '110', dayBasis: '110' });
  });

  it('what went unexplained on that day went today', () => {
    const ahead = {
      ...explainedSoFar({}, { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {} }, NOON + DAY),
      dayWorth: begun.equity,
    };
    expect(onDay(ahead, 20_000 * DAY)).toEqual({ ...ahead, day: 20_000 * DAY });
    expect(onDay(ahead, 20_002 * DAY)).toMatchObject({ day: 20_002 * DAY, dayWorth: '0' });
  });

  it('what is confirmed by time is confirmed after that time', () => {
    const findings = { ...findingsOf(RULES, undefined, undefined, FINE), equityUnknown: true };
    const began = nextRuns({}, findings, NOON + DAY, false);
    const back = nextRuns(began, findings, NOON, false);
    expect(isConfirmed('equityUnknown', back, NOON)).toBe(false);
    expect(isConfirmed('equityUnknown', nextRuns(back, findings, NOON + 16_000, false), NOON + 16_000)).toBe(true);
  });
});

const RULES = {
  ...{ dailyLossWarnRatio: 0.02, dailyLossLimitRatio: 0.03, drawdownWarnRatio: 0.1, drawdownLimitRatio: 0.15 },
  ...{ venueUnreachableMs: 120_000, noMarketDataMs: 300_000, unmarkedPrices: {} },
};
const FINE = { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 };
