import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { makeUpForDays, scheduleFacts, tellLeftOut, tellRefused } from './left-out.js';
import { calendarSchedule, declaredSchedules } from './schedules.js';

const ACCOUNT = 'main';
const declared = [...declaredSchedules({ [ACCOUNT]: { timeZone: 'UTC', morning: '08:00', evening: '18:30' } }), calendarSchedule(60)];
interface Counts {
  readonly missed?: number;
  readonly skipped?: number;
  readonly isPaused?: boolean;
}

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(
    `insert into accounts (account, venue, onboarded_at) values ('main', 'paper', clock_timestamp() - interval '9 days'),
       ('new', 'paper', clock_timestamp() - interval '24 hours')`,
  );
});
afterAll(() => database?.drop());

/** A server that has these schedules, and has left out so much of them. */
const serverOf = (schedules: Readonly<Record<string, Counts>>): Client =>
  ({
    schedule: {
      getHandle: (id: string) => ({
        describe() {
          const { missed = 0, skipped = 0, isPaused = false } = schedules[id] ?? {};
          if (schedules[id] === undefined) return Promise.reject(new ScheduleNotFoundError('not there', id));
          return Promise.resolve({
            state: { paused: isPaused, note: isPaused ? 'olga: a test' : undefined },
            info: { numActionsMissedCatchupWindow: missed, numActionsSkippedOverlap: skipped },
          });
        },
      }),
    },
  }) as unknown as Client;
const all = (counts: Readonly<Record<string, Counts>> = {}): Client =>
  serverOf({ ...Object.fromEntries(declared.map(({ id }) => [id, {}])), ...counts });

it('how what is done by the clock stands: paused, not there, left out', async () => {
  const client = serverOf({ a: { isPaused: true }, b: { missed: 3, skipped: 1 } });
  expect(await scheduleFacts(client, [{ id: 'a' }, { id: 'b' }, { id: 'c' }])).toEqual([
    { id: 'a', state: { isPaused: true, note: 'olga: a test', missed: 0, skipped: 0 } },
    { id: 'b', state: { isPaused: false, note: '', missed: 3, skipped: 1 } },
    { id: 'c', state: null },
  ]);
});

it('what is due once a day and was left out is told, once for each time; what is done again within the hour is not', async () => {
  const told = async (): Promise<unknown[]> =>
    (await database.pool.query('select account, severity, data->>$1 as id, summary from alerts order by alert_id', ['schedule'])).rows;
  const tell = (counts: Readonly<Record<string, Counts>>): Promise<void> => tellLeftOut(database.pool, all(counts), declared);
  await tell({ 'reconcile:main:minute': { missed: 540, skipped: 2 }, 'reconcile:main:hour': { missed: 9 }, 'calendar:*': { missed: 9 } });
  expect(await told()).toEqual([]);
  const night = { 'reconcile:main:day': { missed: 1 }, 'morningChecks:main': { skipped: 1 } };
  await tell(night);
  await tell(night);
  await tell({ ...night, 'reconcile:main:day': { missed: 2 } });
  await tell({ ...night, 'reconcile:main:day': { missed: 3, isPaused: true } });
  const alert = (id: string, what: string) => ({
    account: 'main',
    severity: 'warning',
    id,
    summary: expect.stringContaining(what) as string,
  });
  expect(await told()).toEqual([
    alert('reconcile:main:day', 'by now 1 times since nothing could start it'),
    alert('morningChecks:main', 'keelson runbooks run morningChecks --account main'),
    alert('reconcile:main:day', 'by now 2 times'),
    alert('reconcile:main:day', 'keelson reconcile --deep compares the account in full'),
  ]);
});

it('a schedule that Temporal does not take is told with the key of the configuration that it comes from, once for each reason', async () => {
  const [schedule] = declared.filter(({ id }) => id === `morningChecks:${ACCOUNT}`);
  if (schedule === undefined) throw new Error('the checks are declared');
  const logged: object[] = [];
  const tell = (detail: string): Promise<void> =>
    tellRefused(database.pool, [{ schedule, detail }], { error: (data: object) => void logged.push(data) });
  await tell('unknown time zone utc');
  await tell('unknown time zone utc');
  await tell('unknown time zone cet');
  const { rows } = await database.pool.query(
    `select account, severity, summary from alerts where kind = 'schedule.refused' order by alert_id`,
  );
  const alert = (zone: string) => ({
    ...{ account: ACCOUNT, severity: 'error' },
    summary: expect.stringContaining(`morningChecks:main as accounts.main.checks has it: unknown time zone ${zone}`) as string,
  });
  expect(rows).toEqual([alert('utc'), alert('cet')]);
  expect(logged).toEqual(Array(3).fill({ code: 'CONFIG_SCHEDULE', account: ACCOUNT, schedule: 'morningChecks:main' }));
});

it('an account that was not compared in full for more than a day is, whatever the clock has left out', async () => {
  const started: string[] = [];
  const makeUp = async (client = all()): Promise<readonly string[]> => {
    const reconciliations = { start: (account: string, scope: string) => Promise.resolve(void started.push(`${account} ${scope}`)) };
    await makeUpForDays(database.pool, client, reconciliations, [ACCOUNT, 'new']);
    return started.splice(0);
  };
  const ran = (scope: string, result: string | null, hoursAgo: number): Promise<unknown> =>
    database.pool.query(
      `insert into reconciliation_runs (run_id, account, scope, started_at, ended_at, result)
         values (gen_random_uuid(), 'main', $1, clock_timestamp() - $3 * interval '1 hour', clock_timestamp(), $2)`,
      [scope, result, hoursAgo],
    );
  // One that has just become ours has a day.
  expect(await makeUp()).toEqual(['main day']);
  await ran('day', 'clean', 26);
  await ran('day', 'failed', 2);
  await ran('day', 'postponed', 1);
  await ran('hour', 'clean', 1);
  await ran('day', null, 1);
  expect(await makeUp()).toEqual(['main day']);
  // A person has paused it: what is not to be is not made up for. A schedule that is not there is not paused.
  expect(await makeUp(all({ 'reconcile:main:day': { isPaused: true } }))).toEqual([]);
  expect(await makeUp(all({ 'reconcile:main:minute': { isPaused: true } }))).toEqual(['main day']);
  expect(await makeUp(serverOf({}))).toEqual(['main day']);
  await ran('deepDemand', 'differences', 24);
  expect(await makeUp()).toEqual([]);
});
