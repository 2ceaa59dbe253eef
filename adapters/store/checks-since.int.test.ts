import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { seedTrading } from '../../test/support/api.js';
import { readCheckFacts } from './checks-store.js';

const ACCOUNT = 'late';
let database: TestDatabase;
let runId: string;

beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(`insert into accounts (account, venue) values ($1, 'paper')`, [ACCOUNT]);
  runId = await begun(ACCOUNT);
});
afterAll(() => database?.drop());

async function begun(account: string, runbook = 'eveningChecks'): Promise<string> {
  const { rows } = await database.pool.query<{ run_id: string }>(
    `insert into runbook_runs (run_id, runbook, account, resource, inputs, reason, epoch)
       values (gen_random_uuid(), $2, $1, 'checks', '{}', 'a test', 1) returning run_id`,
    [account, runbook],
  );
  return rows[0]?.run_id ?? '';
}

/** A signal that counts as traded and has no order. */
async function strayed(name: string, hoursAgo: number): Promise<void> {
  await database.pool.query(
    `insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, features, reference_price,
         stop_distance_ratio, reason, decided_time, valid_until, outcome, recorded_at)
       values ($1, $2, 'momentum', 'BTC/USDT', $3::bigint, 'open', '1', '{}', 1, 0.1, 'a test', 0, 0, 'traded', clock_timestamp() - $3::bigint * interval '1 hour')`,
    [name, ACCOUNT, hoursAgo],
  );
}
const checked = (item: string, hoursAgo: number, outcome = 'done', run = runId): Promise<unknown> =>
  database.pool.query(
    `insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor, started_at, ended_at, outcome)
       values ($1, (select count(*) from runbook_parts), 1, 'verification', $2, '', 'test', clock_timestamp() - $3 * interval '1 hour', clock_timestamp(), $4)`,
    [run, item, hoursAgo, outcome],
  );
const found = async (): Promise<readonly string[]> => (await readCheckFacts(database.pool, ACCOUNT)).signals.withoutOrder.toSorted();

it('an evening looks back to the last one on which the same was in order, and a day in any case', async () => {
  await strayed('a 23', 23);
  await strayed('b 30', 30);
  await strayed('c 50', 50);
  await strayed('d 800', 800);
  // None was checked before.
  expect(await found()).toEqual(['a 23']);
  // Yesterday's came late, this one comes after more than a day; what was found then, or is of another item, ends nothing.
  await checked('signals', 900);
  // No longer ago than a month.
  expect(await found()).toEqual(['a 23', 'b 30', 'c 50']);
  await checked('signals', 60);
  await checked('signals', 28, 'failed');
  await checked('fills', 2);
  expect(await found()).toEqual(['a 23', 'b 30', 'c 50']);
  await checked('signals', 40);
  expect(await found()).toEqual(['a 23', 'b 30']);
  await checked('signals', 1);
  expect(await found()).toEqual(['a 23']);
});

it('the alerts of the night are told when they are over, and those that wait for somebody apart from them', async () => {
  const { pool } = database;
  const raised = (key: string, severity: string, hoursAgo: number, waits: boolean): Promise<unknown> =>
    pool.query(
      `insert into alerts (alert_key, account, severity, kind, summary, last_raised_at, next_at)
         values ($1, $2, $3, 'runbook.waits', 'it waits', clock_timestamp() - $4 * interval '1 hour', case when $5 then clock_timestamp() end)`,
      [key, ACCOUNT, severity, hoursAgo, waits],
    );
  await raised('over', 'error', 5, false);
  await raised('of before', 'critical', 30, false);
  await raised('small', 'warning', 5, false);
  await raised('standing', 'critical', 5, true);
  const told = async (): Promise<readonly number[]> => {
    const { pastAlerts, alerts } = await readCheckFacts(pool, ACCOUNT);
    expect(pastAlerts).toEqual(
      pastAlerts.map(({ alertId, raisedTime }) => ({ alertId, raisedTime, kind: 'runbook.waits', summary: 'it waits' })),
    );
    return [pastAlerts.length, alerts.length];
  };
  expect(await told()).toEqual([1, 1]);
  // The last morning was the day before: what came after it is of this one.
  await checked('alerts', 40, 'done', await begun(ACCOUNT, 'morningChecks'));
  expect(await told()).toEqual([2, 1]);
});

it('orders whose fills are others are looked for as far back', async () => {
  const { pool } = database;
  await seedTrading(pool);
  const { rows } = await pool.query<{ intent_id: string; account: string }>(
    'select intent_id, account from orders where final_at is not null limit 1',
  );
  const { intent_id: intentId = '', account = '' } = rows[0] ?? {};
  await pool.query(
    `update orders set executed_quantity = executed_quantity + 1, final_at = clock_timestamp() - interval '30 hours' where intent_id = $1`,
    [intentId],
  );
  const misbooked = async (): Promise<readonly string[]> => (await readCheckFacts(pool, account)).misbooked;
  expect(await misbooked()).not.toContain(intentId);
  runId = await begun(account);
  await checked('fills', 40);
  expect(await misbooked()).toContain(intentId);
});
