import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { planConfiguration } from './configured-limits.js';
import { effectiveLimits, isLimitScope, isLimitValue, isLooser, loosened, watchLimits, type LimitRow } from './limit-rows.js';
import {
  LIMIT_KEYS,
  limitDefinition,
  ROW_KEYS,
  WATCH_LIMIT_KEYS,
  WATCH_LIMIT_TABLE,
  type LimitKey,
  type RowKey,
  type WatchLimitKey,
} from './limit-table.js';
import type { ConfiguredLimits, Limits } from './limits.js';
import { standingOverrides } from './overrides.js';
import { hoursOf, isWithinHours } from './trading-hours.js';

const TARGET = { account: 'main', venue: 'paper', strategy: 'momentum', instrument: 'BTC/USDT' };
const HOURS = ['mon-fri 08:00-16:30', 'mon-sun 00:00-24:00', 'wed 12:00-13:00, sat 10:00-12:00', 'thu 12:30-18:00'];

const valueOf = (key: RowKey): fc.Arbitrary<string> => {
  const { kind, least, most } = limitDefinition(key);
  if (kind === 'hours') return fc.constantFrom(...HOURS);
  if (kind === 'count') return fc.integer({ min: least, max: most }).map(String);
  if (kind === 'policy') return fc.constantFrom('none', 'atOnce');
  if (kind === 'ratio') return fc.integer({ min: 1, max: 10_000 }).map((parts) => String(parts / 10_000));
  return fc.integer({ min: 1, max: 10 ** 9 }).map((cents) => `${Math.floor(cents / 100)}.${String(cents % 100 || 1).padStart(2, '0')}`);
};
const place = fc.constantFrom(
  { scope: 'account', scopeValue: 'main', account: 'main' },
  { scope: 'account', scopeValue: 'other', account: 'other' },
  { scope: 'venue', scopeValue: 'paper' },
  { scope: 'venue', scopeValue: 'else' },
  { scope: 'strategy', scopeValue: 'momentum', account: 'main' },
  { scope: 'strategy', scopeValue: 'momentum', account: 'other' },
  { scope: 'instrument', scopeValue: 'BTC/USDT', account: 'main' },
  { scope: 'instrument', scopeValue: 'ETH/USDT', account: 'main' },
) as fc.Arbitrary<Pick<LimitRow, 'scope' | 'scopeValue' | 'account'>>;
const key = fc.constantFrom(...LIMIT_KEYS);
const row = fc
  .tuple(place, key)
  .chain(([where, which]) =>
    fc.record({ value: fc.option(valueOf(which)), version: fc.constant(1) }).map((more) => ({ ...where, key: which, ...more })),
  );
/** One row at each place, as the database gives them. */
const rows = fc.uniqueArray(row, { maxLength: 30, selector: (one) => [one.scope, one.scopeValue, one.account, one.key].join() });
const binds = ({ scopeValue, account }: LimitRow): boolean =>
  (account ?? 'main') === 'main' && ['main', 'paper', 'momentum', 'BTC/USDT'].includes(scopeValue);

/** Whether every order that `limits` lets pass is one that the value lets pass. Written here anew, without the code under test. */
function isWithin(limits: Limits, which: LimitKey, value: string): boolean {
  const holds = limits[which];
  if (which === 'tradingHours') {
    return Array.from({ length: 7 * 48 }, (_, half) => half * 1_800_000).every(
      (time) => !isWithinHours(limits.tradingHours, time) || isWithinHours([value], time),
    );
  }
  if (holds === null) return false;
  return limitDefinition(which).stricter === 'lower' ? Number(holds) <= Number(value) : Number(holds) >= Number(value);
}

describe('what the watch holds an account to', () => {
  const watchKey = fc.constantFrom(...WATCH_LIMIT_KEYS);
  const watchRow = fc
    .tuple(
      place.filter(({ scope }) => isLimitScope('killPolicy', scope)),
      watchKey,
    )
    .chain(([where, which]) =>
      fc.record({ value: fc.option(valueOf(which)), version: fc.constant(1) }).map((more) => ({ ...where, key: which, ...more })),
    );
  const watchRows = fc.uniqueArray(watchRow, { maxLength: 20, selector: (one) => [one.scope, one.scopeValue, one.key].join() });
  const strictness = (which: WatchLimitKey, value: string | number): number =>
    which === 'killPolicy' ? (value === 'atOnce' ? 0 : 1) : Number(value);

  it('is the strictest of the account’s row, or the default in its place, and the venue’s', () => {
    fc.assert(
      fc.property(watchRows, (all) => {
        const holds = watchLimits(all, TARGET);
        for (const which of WATCH_LIMIT_KEYS) {
          const at = (scopeValue: string) => all.find((one) => one.key === which && one.scopeValue === scopeValue)?.value ?? undefined;
          const said = [at('main') ?? limitDefinition(which).usual, at('paper')].filter((one) => one !== undefined);
          expect(strictness(which, holds[which])).toBe(Math.min(...said.map((one) => strictness(which, one))));
        }
      }),
    );
  });

  it('lets more be lost after a change only where that change is called a loosening', () => {
    fc.assert(
      fc.property(watchRows, watchRow, (all, changed) => {
        const isThere = (one: LimitRow): boolean =>
          one.key === changed.key && one.scope === changed.scope && one.scopeValue === changed.scopeValue;
        const from = all.find(isThere)?.value ?? null;
        if (isLooser(changed.key, changed.scope, from, changed.value)) return;
        const before = watchLimits(all, TARGET);
        const after = watchLimits([...all.filter((one) => !isThere(one)), changed], TARGET);
        for (const which of WATCH_LIMIT_KEYS) expect(strictness(which, after[which])).toBeLessThanOrEqual(strictness(which, before[which]));
      }),
    );
  });
});

describe('what holds', () => {
  it('is never looser than any row in scope, nor than the default where the account has no row', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const { limits, missing } = effectiveLimits(all, TARGET);
        for (const one of all) if (binds(one) && one.value !== null) expect(isWithin(limits, one.key, one.value)).toBe(true);
        for (const which of LIMIT_KEYS) {
          const own = all.find((one) => one.key === which && one.scope === 'account' && one.scopeValue === 'main');
          const { usual, kind } = limitDefinition(which);
          const isUnset = own === undefined || own.value === null;
          expect(missing.includes(which)).toBe(isUnset && usual === 'required');
          if (isUnset && kind !== 'hours' && usual !== 'required' && usual !== 'none') expect(isWithin(limits, which, usual)).toBe(true);
        }
      }),
    );
  });

  it('is what some row or the default says, and rows out of scope say nothing', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const inScope = all.filter(binds);
        expect(effectiveLimits(all, TARGET)).toEqual(effectiveLimits(inScope, TARGET));
        const { limits } = effectiveLimits(all, TARGET);
        for (const which of LIMIT_KEYS) {
          if (which === 'tradingHours') continue;
          const said = [...inScope.filter((one) => one.key === which).map((one) => one.value), limitDefinition(which).usual, '0', null];
          expect(said.filter((one) => one !== 'none' && one !== 'required')).toContain(
            limits[which] === null ? null : String(limits[which]),
          );
        }
      }),
    );
  });

  it('lets more pass after a change only where that change is called a loosening', () => {
    fc.assert(
      fc.property(rows, row, (all, changed) => {
        const isThere = (one: LimitRow): boolean =>
          one.key === changed.key &&
          one.scope === changed.scope &&
          one.scopeValue === changed.scopeValue &&
          one.account === changed.account;
        const from = all.find(isThere)?.value ?? null;
        if (isLooser(changed.key, changed.scope, from, changed.value)) return;
        const before = effectiveLimits(all, TARGET);
        const after = effectiveLimits([...all.filter((one) => !isThere(one)), changed], TARGET);
        const was = before.limits[changed.key];
        for (const value of Array.isArray(was) ? (was as string[]) : was === null ? [] : [String(was)]) {
          // Nought stands for a required limit that nobody has set: setting it is what everybody waits for.
          if (!before.missing.includes(changed.key)) expect(isWithin(after.limits, changed.key, value)).toBe(true);
        }
        // Nobody alone brings back what is required and was taken away.
        expect(after.missing).toEqual(expect.arrayContaining([...before.missing]));
      }),
    );
  });
});

test.each([
  ['maxOpenOrders', '0', false],
  ['maxOpenOrders', '1', true],
  ['maxOpenOrders', '1000', true],
  ['maxOpenOrders', '1001', false],
  ['maxOpenOrders', '1.5', false],
  ['maxOrderNotional', '0', false],
  ['maxOrderNotional', '0.01', true],
  ['maxOrderNotional', '-1', false],
  ['maxOrderNotional', '1e9', false],
  ['drawdownLimitRatio', '0.0001', true],
  ['drawdownLimitRatio', '0.00009', false],
  ['drawdownLimitRatio', '1', true],
  ['drawdownLimitRatio', '1.0001', false],
  ['drawdownLimitRatio', '0', false],
  ['drawdownLimitRatio', '15 %', false],
  ['killPolicy', 'none', true],
  ['killPolicy', 'atOnce', true],
  ['killPolicy', '1', false],
  ['tradingHours', 'mon-fri 13:30-20:00, sat 10:00-12:00', true],
  ['tradingHours', 'fri-mon 13:30-20:00', false],
  ['tradingHours', 'mon 20:00-13:30', false],
  ['tradingHours', 'mon 13:30-13:30', false],
  ['tradingHours', 'mon 13:30-13:31', true],
  ['tradingHours', 'mon 13:59-14:00', true],
  ['tradingHours', 'mon 13:60-14:30', false],
  ['tradingHours', 'mon 00:00-24:00', true],
  ['tradingHours', 'mon 00:00-24:01', false],
  ['tradingHours', 'always', false],
] as const)('%s of %s is a value: %s', (which, value, isOne) => expect(isLimitValue(which, value)).toBe(isOne));

test.each([
  ['maxOpenOrders', '20', '20', false],
  ['maxOpenOrders', '20', '21', true],
  ['duplicateWindowMs', '500', '500', false],
  ['duplicateWindowMs', '500', '499', true],
  ['drawdownLimitRatio', '0.15', '0.15', false],
  ['drawdownLimitRatio', '0.15', '0.1499', false],
  ['drawdownLimitRatio', '0.15', '0.1501', true],
  ['drawdownLimitRatio', null, '0.15', false],
  ['drawdownLimitRatio', null, '0.1501', true],
  ['drawdownLimitRatio', '0.1', null, true],
  ['killPolicy', 'none', 'atOnce', false],
  ['killPolicy', 'atOnce', 'none', true],
  ['killPolicy', 'atOnce', null, true],
  ['killPolicy', null, 'none', false],
  ['tradingHours', 'mon 10:00-11:00', 'mon 10:00-11:00', false],
  ['tradingHours', 'mon 10:00-11:00', 'mon 10:00-11:01', true],
] as const)('%s from %s to %s lets more pass: %s', (which, from, to, isMore) => expect(isLooser(which, 'account', from, to)).toBe(isMore));

test('hours are minutes of the week in UTC', () => {
  expect(hoursOf('tue-wed 00:00-00:02')).toEqual([
    [1_440, 1_442],
    [2_880, 2_882],
  ]);
  const noon = Date.parse('2026-11-25T12:00:00Z');
  expect([-1, 0, 3_599_999, 3_600_000].map((ms) => isWithinHours(['wed 12:00-13:00'], noon + ms))).toEqual([false, true, true, false]);
  expect(isWithinHours(['wed 12:00-13:00', 'mon-fri 12:30-20:00'], noon)).toBe(false);
  expect(isWithinHours(['nonsense'], noon)).toBe(false);
});

describe('the configuration', () => {
  const configured = fc
    .record(Object.fromEntries(ROW_KEYS.map((which) => [which, valueOf(which)])), { requiredKeys: [] })
    .map((values) => values as ConfiguredLimits);

  it('writes everything at the first start, and afterwards loosens nothing', () => {
    fc.assert(
      fc.property(configured, configured, rows, (last, next, all) => {
        const own = all.filter((one) => one.scopeValue === 'main');
        const { changes, kept } = planConfiguration(own, last, next);
        for (const change of changes) {
          const from = own.find((one) => one.key === change.key);
          const isSaidFirst = limitDefinition(change.key).usual === 'required' || change.key in WATCH_LIMIT_TABLE;
          const isFirst = from === undefined && isSaidFirst && last[change.key] === undefined;
          expect(isFirst || !isLooser(change.key, 'account', from?.value ?? null, change.value)).toBe(true);
          expect(change.version).toBe(from?.version ?? 0);
        }
        expect(kept.filter((one) => changes.some((change) => change.key === one.key))).toEqual([]);
        expect(planConfiguration([], undefined, next).changes.map((one) => [one.key, one.value])).toEqual(
          ROW_KEYS.flatMap((which) => (next[which] === undefined ? [] : [[which, String(next[which])]])),
        );
      }),
    );
  });

  it('does not tighten again what two people have loosened, unless the file itself has changed', () => {
    const loosened = [{ scope: 'account', scopeValue: 'main', account: 'main', key: 'maxOpenOrders', value: '20', version: 2 }] as const;
    expect(planConfiguration(loosened, { maxOpenOrders: 10 }, { maxOpenOrders: 10 })).toEqual({ changes: [], kept: [] });
    expect(planConfiguration(loosened, { maxOpenOrders: 10 }, { maxOpenOrders: 9 }).changes).toEqual([
      { key: 'maxOpenOrders', value: '9', version: 2 },
    ]);
    expect(planConfiguration(loosened, { maxOpenOrders: 10 }, { maxOpenOrders: 30 })).toEqual({
      changes: [],
      kept: [{ key: 'maxOpenOrders', configured: '30', holds: '20' }],
    });
  });

  it('of a database from before keeps what the watch acted at, looser than the default or not; later it loosens nothing', () => {
    const said = { drawdownLimitRatio: 0.4, dailyLossLimitRatio: 0.01, killPolicy: 'atOnce' } as const;
    const first = planConfiguration([], { collarBps: 50 }, said);
    expect(first).toEqual({
      changes: [
        { key: 'dailyLossLimitRatio', value: '0.01', version: 0 },
        { key: 'drawdownLimitRatio', value: '0.4', version: 0 },
        { key: 'killPolicy', value: 'atOnce', version: 0 },
      ],
      kept: [],
    });
    const rowsNow = first.changes.map(
      (change) => ({ ...change, scope: 'account', scopeValue: 'main', account: 'main', version: 1 }) as const,
    );
    expect(planConfiguration(rowsNow, said, { ...said, drawdownLimitRatio: 0.41, dailyLossLimitRatio: 0.009, killPolicy: 'none' })).toEqual(
      {
        changes: [{ key: 'dailyLossLimitRatio', value: '0.009', version: 1 }],
        kept: [
          { key: 'drawdownLimitRatio', configured: '0.41', holds: '0.4' },
          { key: 'killPolicy', configured: 'none', holds: 'atOnce' },
        ],
      },
    );
    // One that people have taken away is not brought back looser by a file that says it anew.
    const gone = [{ scope: 'account', scopeValue: 'main', account: 'main', key: 'drawdownLimitRatio', value: null, version: 2 }] as const;
    expect(planConfiguration(gone, {}, { drawdownLimitRatio: 0.16 })).toEqual({
      changes: [],
      kept: [{ key: 'drawdownLimitRatio', configured: '0.16', holds: 'the default' }],
    });
  });
});

test('an override stands until the millisecond in which it expires, for its strategy and instrument', () => {
  const where = { strategy: 'momentum', instrument: 'BTC/USDT' };
  const one = { ...where, overrideId: 'o', key: 'maxOpenOrders', value: '20', isForOneOrder: false, expiresTime: 1_000 } as const;
  const { strategy: _, ...ofAll } = one;
  expect(standingOverrides([one, ofAll], where, 999)).toEqual([one, ofAll]);
  expect(standingOverrides([one, ofAll], where, 1_000)).toEqual([]);
  expect(standingOverrides([one, ofAll], { ...where, strategy: 'other' }, 999)).toEqual([ofAll]);
  expect(standingOverrides([one, ofAll], { ...where, instrument: 'ETH/USDT' }, 999)).toEqual([]);
});

test('an override never makes a limit stricter', () => {
  fc.assert(
    fc.property(
      rows,
      key.chain((which) => fc.tuple(fc.constant(which), valueOf(which))),
      (all, [which, value]) => {
        const { limits } = effectiveLimits(all, TARGET);
        const after = loosened(limits, which, value);
        if (which === 'tradingHours') return;
        const [was, is] = [limits[which], after[which]];
        if (was === null) expect(is).toBeNull();
        else expect(limitDefinition(which).stricter === 'lower' ? Number(is) >= Number(was) : Number(is) <= Number(was)).toBe(true);
        expect({ ...after, [which]: null }).toEqual({ ...limits, [which]: null });
      },
    ),
  );
});
