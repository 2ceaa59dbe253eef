import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createBeginningStore } from './beginning-store.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.drop());

it('tells people once for each time that something is not begun, and no more when it is, whoever has begun it', async () => {
  const store = createBeginningStore(database.pool);
  const bars = { who: 'trading 1', what: 'the bars of 1m for main', account: 'main' };
  const schedules = { who: 'guardian 1', what: 'the schedules', account: null };
  for (const since of [5, 5, 7]) await store.tell(bars, since, 'away');
  await store.tell(schedules, 5, 'away');
  const told = async (): Promise<object[]> =>
    (await database.pool.query<object>(`select account, severity, times, next_at is not null as again from alerts order by alert_id`)).rows;
  const alert = { account: 'main', severity: 'error', again: true };
  expect(await told()).toEqual([
    { ...alert, times: 2 },
    { ...alert, times: 1 },
    { ...alert, account: null, times: 1 },
  ]);
  await store.end(bars);
  expect(await told()).toEqual([
    { ...alert, times: 2, again: false },
    { ...alert, times: 1, again: false },
    { ...alert, account: null, times: 1 },
  ]);
  const { rows } = await database.pool.query<{ summary: string }>('select summary from alerts order by alert_id limit 1');
  expect(rows[0]?.summary).toMatch(
    /^What has to run for the bars of 1m for main is not begun, since Temporal does not answer trading 1 \(away\)/u,
  );
});
