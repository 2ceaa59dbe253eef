import { afterEach, beforeEach, expect, it } from 'vitest';
import { orderStart, placeOfStart, type StartPlace } from '../../db/start-order.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createCalendarStore } from './calendar-store.js';

const BUILD = '1.0.0';
let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database?.drop());

const settings = (sourceSha256: string) => ({ sourceSha256, beforeMs: 1, afterMs: 1, maxAgeMs: 1 });
const place = (start: string | undefined): Promise<StartPlace> => orderStart(database.pool, { start, build: BUILD });
const configure = (source: string | null, start: string | undefined) =>
  createCalendarStore(database.pool).configure(source === null ? null : settings(source), { start, build: BUILD });
const source = () => createCalendarStore(database.pool).source();
const told = async (): Promise<readonly string[]> => {
  const { rows } = await database.pool.query<{ key: string }>(
    `select split_part(alert_key, ':', 2) as key from alerts where kind = 'calendar.differs' order by alert_id`,
  );
  return rows.map(({ key }) => key);
};

it('a start stands where its launcher has put it, whichever of its processes comes first', async () => {
  expect([await place('one'), await place('two')]).toEqual(['newest', 'newest']);
  expect([await place('one'), await place('two'), await place(undefined)]).toEqual(['older', 'newest', 'unordered']);
  // The older one comes to the calendar first, and the newest still counts.
  expect(await configure('old', 'one')).toBe('older');
  expect(await configure('new', 'two')).toBe('configured');
  expect(await configure('old', 'one')).toBe('older');
  expect(await configure(null, 'one')).toBe('older');
  expect(await configure('new', 'one')).toBe('same');
  expect([await source(), await told()]).toEqual(['new', ['older']]);
});

it('a name that was used before is older when it is given again, as in a rollback: people are told, once for each newer start', async () => {
  const rows = async () =>
    (
      await database.pool.query<{ key: string; times: number; summary: string }>(
        `select alert_key as key, times, summary from alerts where kind = 'start.older' order by alert_id`,
      )
    ).rows;
  for (const start of ['one', 'two', 'two']) expect(await place(start)).toBe('newest');
  expect(await rows()).toEqual([]);
  // Who only looks tells nobody: a guardian that has become the older one in a deployment looks again and again.
  expect(await Promise.all(['one', 'two', 'unheard', undefined].map((start) => placeOfStart(database.pool, start)))).toEqual([
    'older',
    'newest',
    'unordered',
    'unordered',
  ]);
  expect(await rows()).toEqual([]);
  for (const _ of [1, 2]) expect(await place('one')).toBe('older');
  const summary = expect.stringMatching(
    /start one, which is older than two: .* a name \(KEELSON_START\) that was never used before/,
  ) as string;
  expect(await rows()).toEqual([{ key: 'start:older:one:two', times: 2, summary }]);
  // A name of its own is the newest, and a rollback of that under the old name is told anew.
  expect([await place('three'), await place('one')]).toEqual(['newest', 'older']);
  expect((await rows()).map(({ key }) => key)).toEqual(['start:older:one:two', 'start:older:one:three']);
});

it('a start that comes while the clock is set back is the newest all the same', async () => {
  await place('one');
  await database.pool.query(`update calendar_starts set came_at = came_at + interval '1 day'`);
  expect([await place('two'), await place('one')]).toEqual(['newest', 'older']);
});

it('a new start takes the place of another without a word; a second configuration of the same start is told', async () => {
  await configure('first', 'one');
  await place('two');
  expect(await configure('second', 'two')).toBe('configured');
  expect(await told()).toEqual([]);
  expect(await configure('third', 'two')).toBe('configured');
  expect(await configure('fourth', undefined)).toBe('configured');
  expect([await source(), await told()]).toEqual(['fourth', ['differs', 'differs']]);
});

it('builds that know of no order overrule nothing of one that does, whatever they call, and people are told', async () => {
  const older = async (start: string | null): Promise<string | undefined> => {
    const given = JSON.stringify({ calendar: settings('theirs'), start });
    return (await database.pool.query<{ answer: string }>('select configure_calendar_of_start($1) as answer', [given])).rows[0]?.answer;
  };
  // Among themselves they stand as they did.
  expect([await older('a'), await source()]).toEqual(['configured', 'theirs']);
  await place('one');
  expect(await configure('ours', 'one')).toBe('configured');
  expect([await older('a'), await older('unheard'), await older(null)]).toEqual(['older', 'older', 'older']);
  await database.pool.query('select configure_calendar($1)', [JSON.stringify(settings('theirs'))]);
  await database.pool.query(`select configure_calendar('null')`);
  expect([await source(), await told()]).toEqual(['ours', ['older', 'older', 'older']]);
  expect(await place('one')).toBe('newest');
});
