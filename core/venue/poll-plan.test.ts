import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedAMinute, pollPlan, weightAMinute, type PolledVenue } from './poll-plan.js';

const AMPLE: PolledVenue = {
  streams: { account: true },
  pollMs: 5_000,
  rateBudget: { weight: { limit: 1_000_000, windowMs: 60_000 } },
  readWeights: { openOrders: 1, lookUp: 1, fills: 1, balances: 1 },
  fillLists: 'instrument',
};

const weight = fc.integer({ min: 1, max: 100 });
const venues = fc.record({
  streams: fc.record({ account: fc.boolean() }),
  pollMs: fc.integer({ min: 1_000, max: 60_000 }),
  rateBudget: fc.record({
    weight: fc.record({ limit: fc.integer({ min: 1, max: 10_000 }), windowMs: fc.integer({ min: 1_000, max: 600_000 }) }),
  }),
  readWeights: fc.record({ openOrders: weight, lookUp: weight, fills: weight, balances: weight }),
  fillLists: fc.constantFrom('account' as const, 'instrument' as const),
});
const counts = [fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 50 })] as const;

describe('how often an account is asked for', () => {
  it('never costs more in a minute than the share of the budget', () => {
    fc.assert(
      fc.property(venues, ...counts, (venue, orders, instruments) => {
        const plan = pollPlan(venue, orders, instruments);
        expect(weightAMinute(venue, plan, orders, instruments)).toBeLessThanOrEqual(allowedAMinute(venue) * (1 + 1e-9));
      }),
    );
  });

  it('costs all that share a budget no more together than one alone', () => {
    fc.assert(
      fc.property(venues, ...counts, fc.integer({ min: 1, max: 12 }), (venue, orders, instruments, sharers) => {
        const each = weightAMinute(venue, pollPlan(venue, orders, instruments, sharers), orders, instruments);
        expect(each * sharers).toBeLessThanOrEqual(allowedAMinute(venue) * (1 + 1e-9));
      }),
    );
  });

  it('is never more often than was wished, and as often where the budget allows it', () => {
    fc.assert(
      fc.property(venues, ...counts, (venue, orders, instruments) => {
        const plan = pollPlan(venue, orders, instruments);
        const wished = pollPlan({ ...venue, rateBudget: { weight: { limit: 1e12, windowMs: 1 } } }, orders, instruments);
        for (const key of ['lookUpMs', 'lookUpGapMs', 'catchUpMs', 'snapshotMs'] as const) {
          expect(plan[key]).toBeGreaterThanOrEqual(wished[key]);
        }
        expect(plan.listMs ?? 0).toBeGreaterThanOrEqual(wished.listMs ?? 0);
      }),
    );
  });

  it('P16: each working order is looked up every two seconds where orders are streamed and the budget is ample', () => {
    expect(pollPlan(AMPLE, 20, 3)).toEqual({ listMs: undefined, lookUpMs: 2_000, lookUpGapMs: 0, catchUpMs: 60_000, snapshotMs: 5_000 });
  });

  it('where they are listed, the number of orders makes no request more frequent', () => {
    const listed = { ...AMPLE, streams: { account: false }, fillLists: 'account' as const };
    const [few, many] = [pollPlan(listed, 1, 1), pollPlan(listed, 100, 1)];
    expect(few).toEqual({ listMs: 5_000, lookUpMs: 15_000, lookUpGapMs: 15_000, catchUpMs: 60_000, snapshotMs: 15_000 });
    expect(many).toEqual({ ...few, lookUpMs: 1_500_000 });
  });
});
