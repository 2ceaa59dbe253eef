import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openPool } from './pool.js';
import { createWatchSilenceStore } from './watch-store.js';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  await database.pool.query(`insert into accounts (account, venue) values ('main', 'paper'), ('other', 'paper')`);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

it('an account is silent without a sample, and with one that is old or of a clock that was set back', async () => {
  const store = createWatchSilenceStore(pool);
  const sample = (age: string): Promise<unknown> =>
    database.pool.query(
      `insert into account_watch (account, quote, sampled_at) values ('main', 'USDT', clock_timestamp() - $1::interval)
         on conflict (account) do update set sampled_at = excluded.sampled_at`,
      [age],
    );
  expect(await store.silentSince('main', 15_000)).toBe('never');
  await sample('0 s');
  expect(await store.silentSince('main', 15_000)).toBeUndefined();
  for (const age of ['16 s', '-1 hour']) {
    await sample(age);
    expect(await store.silentSince('main', 15_000)).toMatch(/^\d{13}$/);
  }
  expect(await store.silentSince('other', 15_000)).toBe('never');
  expect(await store.silentSince('nobody', 15_000)).toBeUndefined();
});

it('is told once for each silence, and at once to the last', async () => {
  const store = createWatchSilenceStore(pool);
  for (const since of ['1', '1', '2']) await store.tellSilence('main', since);
  const { rows } = await database.pool.query(`select severity, kind, times from alerts where account = 'main' order by alert_id`);
  expect(rows).toEqual([
    { severity: 'critical', kind: 'watch.silent', times: 2 },
    { severity: 'critical', kind: 'watch.silent', times: 1 },
  ]);
});
