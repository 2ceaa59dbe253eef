import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createTemporalWaitStore } from './temporal-wait-store.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

it('tells people of a guardian that has waited for fifteen seconds, once for each wait, and no more when it has ended', async () => {
  const { pool } = database;
  const store = createTemporalWaitStore(pool);
  const told = async (): Promise<object[]> =>
    (await pool.query<object>(`select kind, severity, times, next_at is not null as again from alerts order by alert_id`)).rows;
  const age = (column: 'since' | 'seen_at', seconds: number): Promise<unknown> =>
    pool.query(`update guardians_without_temporal set ${column} = ${column} - make_interval(secs => $1)`, [seconds]);
  const alert = { kind: 'guardian.withoutTemporal', severity: 'critical', times: 1 };

  await store.tell('1');
  await store.tell('1');
  expect(await told()).toEqual([]);
  await age('since', 16);
  await store.tell('1');
  await store.tell('1');
  expect(await told()).toEqual([{ ...alert, again: true }]);
  await store.end('1');
  expect(await told()).toEqual([{ ...alert, again: false }]);

  // One that was away for longer waits anew.
  await store.tell('1');
  await age('since', 60);
  await age('seen_at', 31);
  await store.tell('1');
  expect(await told()).toHaveLength(1);
  await age('since', 16);
  await store.tell('1');
  expect(await told()).toEqual([
    { ...alert, again: false },
    { ...alert, again: true },
  ]);
  await store.end('1');
});
