import type { PoolClient } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { readCheckFacts } from './checks-store.js';
import { openPool } from './pool.js';

const ACCOUNT = 'old';
const DAYS = 90;
const SIGNALS_A_DAY = 200;
/** Each with an order and a fill of it. */
const TRADED_A_DAY = 100;

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  await pool.query(`insert into accounts (account, venue) values ($1, 'paper')`, [ACCOUNT]);
  await pool.query(
    `insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, features, reference_price,
         stop_distance_ratio, reason, decided_time, valid_until, outcome, recorded_at)
       select 's' || n, $1, 'momentum', 'BTC/USDT', n, 'open', '1', '{}', 1, 0.1, 'a test', 0, 0,
         case when n % $2::integer < $3::integer then 'traded' else 'notTraded' end, clock_timestamp() - (n + 0.5) * interval '1 day' / $2::integer
       from generate_series(0, $2::integer * $4::integer - 1) n`,
    [ACCOUNT, SIGNALS_A_DAY, TRADED_A_DAY, DAYS],
  );
  await pool.query(
    `insert into orders (intent_id, client_order_id, signal_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id,
         control_version, epoch, created_at, updated_at, final_at)
       select signal_id || ':1', signal_id || '-1', signal_id, $1, (array['momentum', 'maker'])[1 + bar_close_time % 2], '1', 'BTC/USDT', 'BTC', 'USDT',
         'open', 'buy', 'filled', 'IOC', 0.01, 100, 0, 0, 0.01, 1, signal_id, 1, 1, recorded_at, recorded_at, recorded_at
       from signals where outcome = 'traded'`,
    [ACCOUNT],
  );
  await pool.query(
    `insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side, event_time)
       select account, instrument, intent_id, venue_order_id, intent_id, 'buy', 100, 0.01, 0, 'USDT', 'taker', epoch_ms(final_at) from orders`,
  );
  // Checks in the morning and in the evening of each day, in whose parts the last that was in order is looked for.
  await pool.query(
    `insert into runbook_runs (run_id, runbook, account, resource, inputs, reason, epoch, created_at, ended_at)
       select gen_random_uuid(), runbook, $1, 'checks', '{}', 'a test', 1, clock_timestamp() - day * interval '1 day', clock_timestamp()
       from generate_series(1, $2::integer) day cross join unnest(array['morningChecks', 'eveningChecks']) runbook`,
    [ACCOUNT, DAYS],
  );
  await pool.query(
    `insert into runbook_parts (run_id, position, attempt, part, name, inputs_sha256, actor, started_at, ended_at, outcome)
       select run_id, position, 1, 'verification', name, '', 'test', created_at, created_at, 'done'
       from runbook_runs cross join unnest(array['signals', 'fills', 'alerts', 'mode', 'disk', 'venue']) with ordinality as item (name, position)`,
  );
  await pool.query('analyze');
});
afterAll(() => database?.drop());

interface Read {
  /** How often the last checks that were in order were looked for. */
  readonly looked: number;
  /** Of signals, orders and fills. */
  readonly wholeTables: number;
  readonly rows: number;
}

/** What is not flushed yet is counted as well, so what there was before is taken off. */
async function counted(client: PoolClient): Promise<Read> {
  const { rows } = await client.query<Read>(
    `select (select coalesce(sum(calls), 0)::integer from pg_stat_xact_user_functions where funcname = 'checked_since') as looked,
       sum(seq_scan)::integer as "wholeTables", sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows
     from pg_stat_xact_user_tables where relname in ('signals', 'orders', 'fills')`,
  );
  return rows[0] ?? { looked: 0, wholeTables: 0, rows: 0 };
}

it('checks of a day read what is of that day, however much the account has traded before', async () => {
  const client = await database.pool.connect();
  try {
    await client.query(`begin; set local track_functions = 'pl'`);
    const before = await counted(client);
    await client.query('select read_checks($1)', [ACCOUNT]);
    const after = await counted(client);
    expect(after.looked - before.looked).toBe(2);
    expect(after.wholeTables - before.wholeTables).toBe(0);
    // Each signal, its order, that order as one that has ended, and its fill.
    expect(after.rows - before.rows).toBeLessThanOrEqual(SIGNALS_A_DAY + 3 * TRADED_A_DAY + 20);
  } finally {
    await client.query('rollback');
    client.release();
  }
});

it('… within what a guardian’s statement may take, and they are right', async () => {
  const pool = openPool(database.url, { applicationName: 'test', max: 1 });
  try {
    expect(await readCheckFacts(pool, ACCOUNT)).toMatchObject({
      signals: { traded: TRADED_A_DAY, notTraded: SIGNALS_A_DAY - TRADED_A_DAY, withoutOrder: [] },
      ...{ misbooked: [], unresolved: [] },
    });
    // One of each strategy, and one of before that day.
    await database.pool.query(`update orders set executed_quantity = 0.02 where intent_id = any($1)`, [['s2:1', 's3:1', 's300:1']]);
    expect((await readCheckFacts(pool, ACCOUNT)).misbooked).toEqual(['s2:1', 's3:1']);
  } finally {
    await pool.end();
  }
});
