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
const holeBefore = async (before: number, since = 0): Promise<readonly [number, number] | undefined> => {
  const hole = await store().newestHole({ ...OF, since: since * STEP, before: before * STEP });
  return hole && [hole.from / STEP, hole.to / STEP];
};
const note = (from: number, to: number): Promise<void> => store().noteAbsent({ ...OF, account: 'main', from: from * STEP, to: to * STEP });

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

it('what the venue does not have is no hole; it is told once, and again where there is more of it', async () => {
  const told = async (): Promise<unknown[]> => {
    const { rows } = await database.pool.query<{ data: { from: number; to: number } }>(
      `select data from audit_events where kind = 'bars.absent' order by event_id`,
    );
    return rows.map(({ data }) => [data.from / STEP, data.to / STEP]);
  };
  await save([1, 9]);
  for (const _ of [1, 2]) await note(2, 4);
  expect(await holeBefore(9)).toEqual([5, 8]);
  await note(2, 3);
  expect(await told()).toEqual([[2, 4]]);
  await note(2, 8);
  expect(await holeBefore(9)).toBeUndefined();
  expect(await told()).toEqual([
    [2, 4],
    [2, 8],
  ]);
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
