import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EquityRebuild } from '../ledger/equity-rebuild.js';
import { Decimal, ZERO } from '../money/index.js';
import { findingsOf, isConfirmed, nextRuns } from './conditions.js';
import { figuresOf, moved, type Performance } from './performance.js';
import { performanceAt } from './sample.js';
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

  describe('what today had lost before it ran ahead is lost', () => {
    /** As the series keeps it: the last of each day. */
    const backAt = (equity: number, ahead: Performance, kept: Performance, flow = ZERO): Performance =>
      moved(ahead, { now: NOON, equity: money(equity), flow, today: kept });

    it('where that is worse than what the day to come had lost', () => {
      const lost = at(begun, NOON + 1, 90);
      const back = backAt(88, at(lost, NOON + DAY, 89), lost);
      expect(back).toMatchObject({ day: 20_000 * DAY, dayOpening: '100', dayFlows: '0', dayBasis: '100' });
      expect(figuresOf(back)).toMatchObject({ dailyPnl: '-12', dailyLossRatio: money(0.12) });
      expect(at(back, NOON + DAY, 87)).toMatchObject({ day: 20_001 * DAY, dayOpening: '88', dayFlows: '0', dayBasis: '88' });
    });

    it('and not where the day to come had more to lose', () => {
      const won = at(begun, NOON + 1, 130);
      expect(backAt(110, at(won, NOON + DAY, 120), won)).toMatchObject({ dayOpening: '130', dayBasis: '130' });
    });

    it('with all that was deposited and withdrawn meanwhile', () => {
      const deposited = moved(begun, { now: NOON + 1, equity: money(140), flow: money(50) });
      const ahead = moved(deposited, { now: NOON + DAY, equity: money(70), flow: money(-70) });
      const back = backAt(60, ahead, deposited);
      expect(back).toMatchObject({ dayOpening: '100', dayFlows: '-20' });
      // A tenth of it went before the deposit, and a seventh of the rest at last.
      expect(Number(figuresOf(back).dailyLossRatio)).toBeCloseTo(1 - 0.9 * (6 / 7), 12);
      expect(figuresOf(back).dailyPnl).toBe('-20');
    });

    it('is never less than without it, whatever happens', () => {
      const worth = fc.integer({ min: 1, max: 1_000 });
      fc.assert(
        fc.property(fc.array(worth, { minLength: 1 }), fc.array(worth, { minLength: 1 }), worth, (today, tomorrow, last) => {
          const run = (from: Performance, values: readonly number[], now: number): Performance =>
            values.reduce((before, equity) => at(before, now, equity), from);
          const kept = run(begun, today, NOON + 1);
          const ahead = run(kept, tomorrow, NOON + DAY);
          const loss = (performance: Performance): number => Number(figuresOf(performance).dailyLossRatio);
          const [with_, without] = [loss(backAt(last, ahead, kept)), loss(at(ahead, NOON, last))];
          // As if the clock had never run ahead, or worse.
          expect(with_).toBeGreaterThanOrEqual(Math.max(without, loss(run(kept, [...tomorrow, last], NOON + 1)) - 1e-12));
        }),
      );
    });

    it('in another quote asset nothing that was kept is worth the same', () => {
      const lost = at(begun, NOON + 1, 90);
      const move = { now: NOON, equity: money(9), flow: ZERO, today: lost };
      const requoted = { quotes: { was: 'USDT', is: 'BTC' }, assets: [], flow: ZERO };
      expect(performanceAt(at(lost, NOON + DAY, 90), move, requoted, false)).toMatchObject({ dayBasis: '9' });
    });

    it('and a ledger that is reckoned anew comes to the same', () => {
      const lost = at(begun, NOON + 1, 90);
      const ahead = at(lost, NOON + DAY, 89);
      const back = backAt(88, ahead, lost);
      const rebuild = new EquityRebuild();
      rebuild.addOutside({ outsideId: '1', booking: 0, outside: {}, ledger: {} }, {});
      for (const [index, { equity, ...remembered }] of [begun, lost, ahead, back].entries()) {
        const point = { stored: equity, booking: 0, prices: {} };
        const held = { USDT: equity };
        rebuild.addStretch(
          {
            ...{
              stretchId: String(index),
              time: NOON,
              quote: 'USDT',
              step: index === 0 ? { isFirst: true } : {},
              outsideId: '1',
              remembered,
            },
            points: { opening: point, highest: point, lowest: point, closing: point },
          },
          { opening: held, highest: held, lowest: held, closing: held },
        );
      }
      expect(rebuild.differences(undefined)).toEqual([]);
      expect(rebuild.newest?.performance).toMatchObject(back);
    });
  });

  it('what went unexplained on that day went today', () => {
    const ahead = {
      ...explainedSoFar({}, { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {}, given: {}, early: {} }, NOON + DAY),
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
