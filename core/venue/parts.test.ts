import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Needs, partsOf, type Need } from './parts.js';
import { allowedAMinute, needOf, pollPlan, weightAMinute, type PolledVenue } from './poll-plan.js';

const LIKE_BINANCE: PolledVenue = {
  streams: { account: true },
  pollMs: 5_000,
  rateBudget: { weight: { limit: 6_000, windowMs: 60_000 } },
  readWeights: { openOrders: 80, lookUp: 5, fills: 20, balances: 20 },
  fillLists: 'instrument',
};
const EXACT = 1 + 1e-9;
const ALLOWED = allowedAMinute(LIKE_BINANCE);
const BEGUN = 1_700_000_000_000;

interface Account {
  readonly orders: number;
  readonly instruments: number;
  readonly isQuiet: boolean;
}

const account: fc.Arbitrary<Account> = fc.record({
  orders: fc.integer({ min: 0, max: 200 }),
  instruments: fc.integer({ min: 0, max: 20 }),
  isQuiet: fc.boolean(),
});
const accounts = fc.array(account, { minLength: 1, maxLength: 40 });
const needed = ({ orders, instruments, isQuiet }: Account): Need => needOf(LIKE_BINANCE, orders, instruments, isQuiet);
const sum = (all: readonly number[]): number => all.reduce((one, other) => one + other, 0);
const planOf = ({ orders, instruments }: Account, sharers: number) => pollPlan(LIKE_BINANCE, orders, instruments, sharers);
const spentBy = (one: Account, sharers: number): number => weightAMinute(LIKE_BINANCE, planOf(one, sharers), one.orders, one.instruments);

const size = fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constantFrom(0, 1e-300, 1e300));
const saidNeeds = fc.array(fc.record({ least: size, wished: size }), { minLength: 1, maxLength: 60 });

describe('the parts of accounts that a venue counts together', () => {
  it('are the whole and no more, and each has its least or as much as by heads, whatever each says of itself', () => {
    fc.assert(
      fc.property(saidNeeds, (needs) => {
        const parts = partsOf(needs);
        expect(sum(parts)).toBeLessThanOrEqual(EXACT);
        expect(sum(parts)).toBeGreaterThanOrEqual(1 / EXACT);
        for (const [index, { least }] of needs.entries()) {
          expect((parts[index] ?? -1) * EXACT).toBeGreaterThanOrEqual(Math.min(least, 1 / needs.length));
        }
      }),
    );
  });

  it('never cost more together than what all of them may use, also where what one says of itself is not what it does', () => {
    fc.assert(
      fc.property(accounts, fc.array(account, { minLength: 40, maxLength: 40 }), (said, done) => {
        const spent = partsOf(said.map(needed)).map((part, index) =>
          spentBy(done[index] ?? { orders: 0, instruments: 0, isQuiet: true }, 1 / part),
        );
        expect(sum(spent)).toBeLessThanOrEqual(ALLOWED * EXACT);
      }),
    );
  });

  it('slow nothing at which something is at stake beyond what heads would, and balances of the others not beyond 30 s before heads do', () => {
    fc.assert(
      fc.property(accounts, (all) => {
        for (const [index, part] of partsOf(all.map(needed)).entries()) {
          const one = all[index];
          if (one === undefined) continue;
          const [byNeed, byHeads] = [planOf(one, 1 / part), planOf(one, all.length)];
          const most = (ms: number): number => ms + 1;
          if (one.isQuiet) expect(byNeed.snapshotMs).toBeLessThanOrEqual(most(Math.max(30_000, byHeads.snapshotMs)));
          else {
            expect(byNeed.lookUpMs).toBeLessThanOrEqual(most(byHeads.lookUpMs));
            expect(byNeed.snapshotMs).toBeLessThanOrEqual(most(byHeads.snapshotMs));
            expect(byNeed.catchUpMs).toBeLessThanOrEqual(most(byHeads.catchUpMs));
          }
        }
      }),
    );
  });

  it('P16: of twenty accounts one with thirty orders at rest has them looked up each five seconds while nothing is at stake at the others; by heads each 73', () => {
    const quiet: Account = { orders: 0, instruments: 3, isQuiet: true };
    const busy: Account = { orders: 30, instruments: 3, isQuiet: false };
    const [part = 0, others = 0] = partsOf([busy, ...Array.from({ length: 19 }, () => quiet)].map(needed));
    expect(Math.ceil(planOf(busy, 20).lookUpMs / 1_000)).toBe(73);
    expect(Math.ceil(planOf(busy, 1 / part).lookUpMs / 100) * 100).toBe(4_700);
    expect(planOf(quiet, 1 / others).snapshotMs).toBe(30_000);
  });
});

describe('what accounts have told', () => {
  const all = ['one', 'two', 'three'];
  const BUSY: Need = { least: 2, wished: 2 };
  const QUIET: Need = { least: 0.01, wished: 0.1 };
  const partsAt = (needs: Needs, time: number): readonly number[] =>
    all.map((one) => Math.round(needs.partOf(one, all, time) * 1_000) / 1_000);
  const told = (...of: readonly Need[]): Needs => {
    const needs = new Needs();
    for (const [index, need] of of.entries()) needs.tell(all[index] ?? '', need, BEGUN);
    return needs;
  };

  it('counts for those that are at work: one that is not open has nothing until it is', () => {
    const needs = told(BUSY, QUIET);
    expect(needs.partOf('one', all, BEGUN)).toBeCloseTo(0.99);
    // It has told nothing, and asks: it may need anything.
    expect(needs.partOf('three', all, BEGUN)).toBeCloseTo(0.495);
    expect(partsAt(needs, BEGUN)).toEqual([0.495, 0.01, 0.495]);
  });

  it('counts for twenty seconds; then an account may need anything', () => {
    const needs = told(BUSY, QUIET, QUIET);
    expect(partsAt(needs, BEGUN + 20_000)).toEqual([0.98, 0.01, 0.01]);
    needs.tell('one', BUSY, BEGUN + 20_000);
    needs.tell('two', QUIET, BEGUN + 20_000);
    expect(partsAt(needs, BEGUN + 20_001)).toEqual([0.495, 0.01, 0.495]);
  });

  it('counts at once where it is more, and after a minute where it is less', () => {
    const needs = told(QUIET, QUIET, BUSY);
    const tellAll = (...of: readonly Need[]): void => {
      for (let time = BEGUN; time <= BEGUN + 59_000; time += 1_000) of.forEach((need, index) => needs.tell(all[index] ?? '', need, time));
    };
    needs.tell('one', BUSY, BEGUN);
    expect(partsAt(needs, BEGUN)).toEqual([0.495, 0.01, 0.495]);
    tellAll(QUIET, QUIET, BUSY);
    expect(partsAt(needs, BEGUN + 59_000)).toEqual([0.495, 0.01, 0.495]);
    needs.tell('one', QUIET, BEGUN + 60_000);
    expect(partsAt(needs, BEGUN + 60_000)).toEqual([0.01, 0.01, 0.98]);
  });

  it('is taken anew from a clock that was set back', () => {
    const needs = told(BUSY, QUIET, QUIET);
    needs.tell('one', QUIET, BEGUN - 3_600_000);
    // The others told it at a time to come.
    expect(partsAt(needs, BEGUN - 3_600_000)).toEqual([0.01, 0.495, 0.495]);
  });

  it('costs no more in twenty minutes than is allowed, but for some hundredths, however what is said comes and goes, with two guardians that see it at different times', () => {
    const MINUTES = 20;
    const period = fc.record({
      quietFor: fc.integer({ min: 1, max: 90 }),
      busyFor: fc.integer({ min: 0, max: 90 }),
      orders: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(period, { minLength: 2, maxLength: 8 }), (periods) => {
        const names = periods.map((_, index) => String(index));
        const saidAt = (second: number): readonly Account[] =>
          periods.map(({ quietFor, busyFor, orders }) => {
            const isQuiet = second % (quietFor + busyFor) < quietFor;
            return { orders: isQuiet ? 0 : orders, instruments: 2, isQuiet };
          });
        let spent = 0;
        for (const lateBy of [0, 3]) {
          const needs = new Needs();
          const last = periods.map(() => ({ balances: 0, fills: 0, orders: 0 }));
          for (let second = 0; second < MINUTES * 60; second += 1) {
            const now = BEGUN + second * 1_000;
            for (const [index, one] of saidAt(Math.max(0, second - lateBy)).entries()) needs.tell(names[index] ?? '', needed(one), now);
            for (const [index, { orders }] of periods.entries()) {
              const at = last[index];
              if (at === undefined) continue;
              const part = needs.partOf(names[index] ?? '', names, now);
              const plan = planOf({ orders, instruments: 2, isQuiet: false }, 2 / part);
              const askIfDue = (what: keyof typeof at, afterMs: number, cost: number): void => {
                if (now - at[what] < afterMs) return;
                at[what] = now;
                spent += cost;
              };
              askIfDue('balances', plan.snapshotMs, 20);
              askIfDue('fills', plan.catchUpMs, 40);
              askIfDue('orders', plan.lookUpMs, 5 * orders);
            }
          }
        }
        // One of each may be at the edge of the time that is looked at.
        const edges = 2 * sum(periods.map(({ orders }) => 20 + 40 + 5 * orders));
        // What has just been asked at one pace and is due at once at another is asked a little too often: up to 2 % in some thousand cases.
        expect(spent).toBeLessThanOrEqual(1.03 * ALLOWED * MINUTES + edges);
      }),
      { numRuns: 15 },
    );
  });
});
