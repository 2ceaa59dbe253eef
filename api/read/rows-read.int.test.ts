import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPool } from '../../adapters/store/pool.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { rowsRead } from '../../test/support/rows-read.js';
import { readEvents } from './events.js';

const EVENTS = 20_000;

let database: TestDatabase;
/** One connection, which counts the rows that it reads. */
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  // Most are of one kind; another was frequent long ago, and of a third there are four, the last of them the newest event.
  await database.pool.query(
    `insert into audit_events (kind, account, data, occurred_at)
      select case when n % 5000 = 0 then 'seldom' when n <= ${EVENTS / 4} then 'formerly' else 'often' end, 'main', '{}', now() - interval '1 day'
      from generate_series(1, ${EVENTS}) n`,
  );
  await database.pool.query('analyze audit_events');
  pool = openPool(database.url, { applicationName: 'test', max: 1 });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

it.each([
  ['seldom', false, 4],
  ['seldom', true, 4],
  ['formerly', false, 10],
  ['formerly', true, 10],
  ['often', false, 10],
  ['often', true, 10],
  ['never', false, 0],
  ['never', true, 0],
] as const)(`events of the kind %s, the latest: %s, are found in ${EVENTS} without reading the others`, async (kind, latest, found) => {
  const { answer, rows } = await rowsRead(pool, 'audit_events', () => readEvents(pool, { after: '0', kind, latest, limit: 10 }));
  expect(answer.map((event) => event.kind)).toEqual(Array.from({ length: found }, () => kind));
  // Planning looks at one at the end of an index.
  expect(rows).toBeLessThanOrEqual(found + 1);
});
