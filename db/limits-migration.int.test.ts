import { afterAll, beforeAll, expect, test } from 'vitest';
import { planConfiguration } from '../core/risk/configured-limits.js';
import { effectiveLimits, type LimitRow } from '../core/risk/limit-rows.js';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

const LIMITS_FILE = '20261126030000_limits.sql';
const LIMITS = { maxOrderNotional: '1000', maxInstrumentExposure: '2000', maxAccountExposure: '3000', maxOpenOrders: 4, collarBps: 40 };
let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration(LIMITS_FILE);
});
afterAll(() => before?.close());

test('the limits of before are the first rows and hold as they did, and the file of before changes nothing', async () => {
  const { client } = before;
  await client.query(`insert into accounts (account, venue) values ('main', 'paper'); insert into control (account) values ('main')`);
  await client.query(`insert into risk_state (account, limits) values ('main', $1)`, [LIMITS]);
  expect(await before.migrate()).toEqual([LIMITS_FILE.replace('.sql', '')]);
  const { rows } = await client.query<{ state: { rows: LimitRow[]; configured: typeof LIMITS } }>(
    `select read_limit_state('main') as state`,
  );
  const { rows: limits = [], configured = LIMITS } = rows[0]?.state ?? {};
  const target = { account: 'main', venue: 'paper', strategy: 'momentum', instrument: 'BTC/USDT' };
  expect(effectiveLimits(limits, target)).toMatchObject({ limits: LIMITS, missing: [] });
  expect(planConfiguration(limits, configured, LIMITS)).toEqual({ changes: [], kept: [] });
  // A worker of the build before starts beside this one: it knows no rows, and changes none.
  await client.query(`select apply_configuration($1)`, [
    { account: 'main', venue: 'paper', limits: { ...LIMITS, maxOpenOrders: 99 }, strategies: [] },
  ]);
  expect((await client.query(`select count(*)::int as rows, max(version) as newest from limits`)).rows).toEqual([{ rows: 5, newest: 1 }]);
  expect((await client.query(`select limits->'maxOpenOrders' as most from risk_state`)).rows).toEqual([{ most: 4 }]);
});
