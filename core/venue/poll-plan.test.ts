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

const LIKE_BINANCE: PolledVenue = {
  ...AMPLE,
  rateBudget: { weight: { limit: 6_000, windowMs: 60_000 } },
  readWeights: { openOrders: 80, lookUp: 5, fills: 20, balances: 20 },
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

  const accounts = fc.array(fc.tuple(...counts, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 8 });
  it('of all accounts that a venue counts together, however many guardians each has, never costs more than the share of the budget', () => {
    fc.assert(
      fc.property(venues, accounts, (venue, together) => {
        const spent = together.map(([orders, instruments, guardians]) => {
          const plan = pollPlan(venue, orders, instruments, guardians * together.length);
          return guardians * weightAMinute(venue, plan, orders, instruments);
        });
        expect(spent.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(allowedAMinute(venue) * (1 + 1e-9));
      }),
    );
  });

  it.each([
    // Of 3,000 a minute for all of them each needs 60 for the fills of three instruments, 240 for balances, and 150 for each order.
    [1, 18, 2_000],
    [1, 19, 2_100],
    [2, 8, 2_000],
    [2, 9, 2_200],
    [3, 4, 2_000],
    [3, 20, 6_600],
  ])('%i accounts at one address, each with %i orders at rest: each order is looked up every %i ms', (together, orders, lookUpMs) => {
    expect(pollPlan(LIKE_BINANCE, orders, 3, together).lookUpMs).toBe(lookUpMs);
  });

  it.each([
    // Ten accounts at one address, each watched by two guardians: 150 a minute for each. In proportion balances would be asked for each 165 s.
    [20, 30, 48_000, 73_000],
    [20, 1, 15_000, 6_000],
    [6, 60, 30_000, 39_400],
  ])('of %i that share an address, one with %i orders at rest asks for balances each %i ms, and for each order each %i ms', (...given) => {
    const [sharers, orders, snapshotMs, lookUpMs] = given;
    const plan = pollPlan(LIKE_BINANCE, orders, 3, sharers);
    expect([plan.snapshotMs, Math.ceil(plan.lookUpMs / 100) * 100]).toEqual([snapshotMs, lookUpMs]);
  });

  it('where they are listed, the number of orders makes no request more frequent', () => {
    const listed = { ...AMPLE, streams: { account: false }, fillLists: 'account' as const };
    const [few, many] = [pollPlan(listed, 1, 1), pollPlan(listed, 100, 1)];
    expect(few).toEqual({ listMs: 5_000, lookUpMs: 15_000, lookUpGapMs: 15_000, catchUpMs: 60_000, snapshotMs: 15_000 });
    expect(many).toEqual({ ...few, lookUpMs: 1_500_000 });
  });
});
