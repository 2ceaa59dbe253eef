import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import type { DecimalText } from '../../core/money/index.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createMarketStore } from './market-store.js';

const STEP = 1_000;
const OF = { venue: 'paper', instrument: 'BTC/USDT', intervalMs: STEP };
const ONE = '1' as DecimalText;
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());
beforeEach(() => database.pool.query('truncate bars, absent_bars'));

const store = () => createMarketStore(database.pool);
const save = (indexes: readonly number[], of: Partial<typeof OF> = {}): Promise<void> =>
  store().saveBars(
    of.venue ?? OF.venue,
    indexes.map((index): Bar => {
      const intervalMs = of.intervalMs ?? STEP;
      const [openTime, prices] = [index * intervalMs, { open: ONE, high: ONE, low: ONE, close: ONE, volume: ONE }];
      return { instrument: of.instrument ?? OF.instrument, intervalMs, openTime, closeTime: openTime + intervalMs - 1, ...prices };
    }),
    'stream',
  );
/** How the venue is asked again: never, unless a test says otherwise. */
const ONCE = { againMs: 0, times: 1 } as const;
const holesBefore = (before: number, more: Partial<Parameters<ReturnType<typeof store>['newestHoles']>[0]> = {}) =>
  store().newestHoles({ ...OF, since: 0, before: before * STEP, span: 1, ...ONCE, ...more });
const holeBefore = async (before: number, since = 0): Promise<readonly [number, number] | undefined> => {
  const found = await holesBefore(before, { since: since * STEP });
  const [hole, ...more] = found?.holes ?? [];
  expect(more).toEqual([]);
  return hole && [hole.from / STEP, hole.to / STEP];
};
const noteAll = (ranges: readonly (readonly [number, number])[]): Promise<void> =>
  store().noteAbsent({ ...OF, account: 'main', ranges: ranges.map(([from, to]) => ({ from: from * STEP, to: to * STEP })) });
const note = (from: number, to: number): Promise<void> => noteAll([[from, to]]);
const told = async () => {
  const { rows } = await database.pool.query<{ data: { from: number; to: number; ranges: number; asked: number } }>(
    `select data from audit_events where kind = 'bars.absent' order by event_id`,
  );
  return rows.map(({ data: { from, to, ranges, asked } }) => [from / STEP, to / STEP, ranges, asked]);
};

it('finds the newest hole between stored bars, as far as it lies before the moment and after the other', async () => {
  expect(await holeBefore(100)).toBeUndefined();
  await save([10, 11, 12, 20, 21, 30]);
  expect(await holeBefore(100)).toEqual([22, 29]);
  expect(await holeBefore(25)).toEqual([22, 24]);
  expect(await holeBefore(22)).toEqual([13, 19]);
  // Nothing was there before the first, and after the last nothing is known to be missing.
  expect(await holeBefore(13)).toBeUndefined();
  expect(await holeBefore(22, 16)).toEqual([16, 19]);
  expect(await holeBefore(22, 20)).toBeUndefined();
});

it('bars of another venue, instrument or interval fill none', async () => {
  await save([1, 9]);
  await save([5], { venue: 'other' });
  await save([5], { instrument: 'ETH/USDT' });
  await save([1], { intervalMs: 5 * STEP });
  expect(await holeBefore(9)).toEqual([2, 8]);
});

it('holes that lie together come together, the newest first, and one that reaches further stands alone', async () => {
  await save([1, 5, 7, 9, 12, 30, 41]);
  const of = async (before: number, span: number) =>
    (await holesBefore(before, { span }))?.holes.map(({ from, to }) => [from / STEP, to / STEP]);
  expect(await of(12, 6)).toEqual([
    [10, 11],
    [8, 8],
    [6, 6],
  ]);
  expect(await of(12, 5)).toEqual([
    [10, 11],
    [8, 8],
  ]);
  // The newest is longer than what is asked for at once.
  expect(await of(30, 10)).toEqual([[13, 29]]);
  expect(await of(50, 27)).toEqual([[31, 40]]);
  expect(await of(50, 28)).toEqual([
    [31, 40],
    [13, 29],
  ]);
});

it('what the venue does not have is no hole, is told in one, and is asked for again once a day for a week, then no more', async () => {
  const AGAIN = { againMs: 86_400_000, times: 3 };
  const aDayLater = () => database.pool.query(`update absent_bars set asked_at = asked_at - interval '1 day'`);
  const { length } = await told();
  await save([1, 9]);
  expect(await holesBefore(9, AGAIN)).toMatchObject({ isNew: true });
  await noteAll([
    [2, 4],
    [6, 8],
  ]);
  await save([5]);
  expect(await holesBefore(9, AGAIN)).toBeUndefined();
  // The second time one of them is there.
  await aDayLater();
  const again = {
    isNew: false,
    holes: [
      { from: 6_000, to: 8_000 },
      { from: 2_000, to: 4_000 },
    ],
  };
  expect(await holesBefore(9, { ...AGAIN, span: 10 })).toEqual(again);
  await save([7]);
  await noteAll([
    [2, 4],
    [6, 6],
    [8, 8],
  ]);
  expect(await holesBefore(9, AGAIN)).toBeUndefined();
  await aDayLater();
  expect(await holesBefore(9, { ...AGAIN, span: 10 })).toMatchObject({
    isNew: false,
    holes: [{ from: 8_000 }, { from: 6_000 }, { from: 2_000 }],
  });
  await noteAll([
    [2, 4],
    [6, 6],
    [8, 8],
  ]);
  // For good.
  await aDayLater();
  expect(await holesBefore(9, AGAIN)).toBeUndefined();
  // A hole that is no part of it, and one that reaches beyond it, are new.
  await save([12]);
  expect(await holesBefore(13, AGAIN)).toEqual({ isNew: true, holes: [{ from: 10_000, to: 11_000 }] });
  expect((await told()).slice(length)).toEqual([
    [2, 8, 2, 1],
    [2, 8, 3, 2],
    [2, 8, 3, 3],
  ]);
});

it('what was noted before times were counted is asked for again, and older builds still note as they did', async () => {
  await save([1, 9]);
  await database.pool.query('select note_absent_bars($1)', [JSON.stringify({ ...OF, account: 'main', from: 2 * STEP, to: 8 * STEP })]);
  expect(await holesBefore(9, { againMs: 86_400_000, times: 8 })).toBeUndefined();
  await database.pool.query(`update absent_bars set asked_at = asked_at - interval '1 day'`);
  expect(await holesBefore(9, { againMs: 86_400_000, times: 8 })).toMatchObject({ isNew: false });
});

it('filled hole after hole everything is whole, whatever there was', async () => {
  const index = fc.integer({ min: 0, max: 60 });
  const absent = fc.record({ from: index, length: fc.integer({ min: 0, max: 8 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(index),
      fc.array(absent, { maxLength: 4 }),
      fc.integer({ min: 0, max: 40 }),
      async (had, holes, since) => {
        await database.pool.query('truncate bars, absent_bars');
        await save(had);
        for (const { from, length } of holes) await note(from, from + length);
        const before = 61;
        for (let hole = await holeBefore(before, since); hole !== undefined; hole = await holeBefore(before, since)) {
          const [from, to] = hole;
          expect(from).toBeGreaterThanOrEqual(since);
          expect(to).toBeLessThan(before);
          const missing = Array.from({ length: to - from + 1 }, (_, at) => from + at);
          expect(missing.filter((at) => had.includes(at) || holes.some((one) => at >= one.from && at <= one.from + one.length))).toEqual(
            [],
          );
          await save(missing);
        }
        const known = new Set([...had, ...holes.flatMap(({ from, length }) => Array.from({ length: length + 1 }, (_, at) => from + at))]);
        const { rows } = await database.pool.query<{ at: string }>('select open_time / 1000 as at from bars');
        for (const { at } of rows) known.add(Number(at));
        // Between the first and the last of what is stored, or noted, from there on: nothing is left out.
        const seen = [...known].filter((at) => at >= since).sort((one, other) => one - other);
        const begin = had.some((at) => at < since) ? since : seen[0];
        const [last] = seen.slice(-1);
        if (begin !== undefined && last !== undefined)
          expect(Array.from({ length: last - begin + 1 }, (_, at) => begin + at).filter((at) => !known.has(at))).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});
