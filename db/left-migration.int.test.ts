import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

const FILE = '20261205300100_left_before.sql';
let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration(FILE);
});
afterAll(() => before?.close());

test('of halts that stand already it is noted what had left before, where that is certain', async () => {
  const { client } = before;
  const halt = async (scope: string, value: string, subject = 'olga', by?: string): Promise<string> => {
    const asked = { scope, scopeValue: value, account: null, reason: 'a test', subject, policy: 'none', by };
    const { rows } = await client.query<{ id: string }>(`select engage_latch($1)->>'latchId' as id`, [asked]);
    return rows[0]?.id ?? '';
  };
  await client.query(`insert into accounts (account, venue) values ('old', 'kraken'), ('late', 'paper'), ('main', 'binance')`);
  await client.query(`insert into control (account) values ('old'), ('late'), ('main')`);
  const retire = (account: string) => client.query('update accounts set retired_at = clock_timestamp() where account = $1', [account]);
  await retire('old');
  const mistaken = await halt('venue', 'kraken');
  await halt('account', 'late');
  await halt('everything', '', 'restore');
  await halt('account', 'old', 'rik', 'restore');
  const ahead = await halt('strategy', 'momentum');
  await client.query(`insert into audit_events (kind, data) values ('halt.clockSetBack', jsonb_build_object('latchId', $1::text))`, [
    ahead,
  ]);
  await client.query(`insert into latches (scope, scope_value, reason, subject)
    values ('instrument', 'BTC/USDT', 'it left the configuration before its halt was verified (everything): a test', 'olga')`);
  await retire('late');
  await before.migrate();
  const { rows } = await client.query<{ id: string; left: string[] }>(
    `select latch_id::text as id, array(select jsonb_object_keys(left_before)) as left from latches where left_before <> '{}'`,
  );
  expect(rows).toEqual([{ id: mistaken, left: ['old'] }]);
});
