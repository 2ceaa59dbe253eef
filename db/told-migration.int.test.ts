import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

const FILE = '20261202500000_named_when_written.sql';
let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration(FILE);
});
afterAll(() => before?.close());

test('what is open already is found by what it tells of, as what is written later is', async () => {
  const { client } = before;
  const incident = (key: string, data: object) =>
    client.query(`insert into incidents (incident_key, account, kind, data) values ($1, 'main', 'oddFill', $2)`, [key, data]);
  const difference = (subject: string, deltas: object) =>
    client.query(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
         select 'main', 'unknown', 'unknown', $1, 'f', 'person', 'open', $2, '{}', run_id, run_id from reconciliation_runs`,
      [subject, deltas],
    );
  const told = async (scope: string, values: readonly string[]): Promise<readonly string[]> => {
    const { rows } = await client.query<{ value: string }>(
      `select value from unnest($2::text[]) value where has_part('main', $1, value, clock_timestamp()) order by value`,
      [scope, values],
    );
    return rows.map(({ value }) => value);
  };
  await client.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await client.query(`insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'main', 'hour')`);
  await incident('open', { of: [{ strategy: 'momentum' }] });
  await incident('closed', { strategy: 'reversion' });
  await client.query(`update incidents set closed_at = clock_timestamp() where incident_key = 'closed'`);
  await difference('protect:main:trend:BTC-USDT', { ETH: '1' });
  await before.migrate();
  expect(await told('strategy', ['momentum', 'reversion', 'trend', 'late'])).toEqual(['momentum', 'trend']);
  expect(await told('instrument', ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'])).toEqual(['BTC/USDT', 'ETH/USDT']);
  await incident('later', { text: `a long word ${'x'.repeat(5_000)} and strategy late`, number: 1 });
  // What is found otherwise tells of that from then on.
  await client.query(`update reconciliation_differences set deltas = '{"SOL": "2"}', evidence = '{"strategy": "reversion"}'`);
  expect(await told('strategy', ['momentum', 'reversion', 'trend', 'late'])).toEqual(['late', 'momentum', 'reversion', 'trend']);
  expect(await told('instrument', ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'])).toEqual(['BTC/USDT', 'SOL/USDT']);
  await client.query(`update reconciliation_differences set status = 'closed', ended_at = clock_timestamp()`);
  await client.query(`update incidents set closed_at = clock_timestamp()`);
  expect(await told('strategy', ['momentum', 'reversion', 'trend', 'late'])).toEqual([]);
});
