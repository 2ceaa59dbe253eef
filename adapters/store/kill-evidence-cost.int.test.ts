import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { rowsRead } from '../../test/support/rows-read.js';
import { createKillStore } from './kill-store.js';
import { openPool } from './pool.js';

const ACCOUNT = 'old';
const ORDERS = 20_000;
/** A plan that is kept is made after so many calls. */
const CALLS = 8;

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test', max: 1 });
  await database.pool.query(`insert into accounts (account, venue) values ($1, 'paper'), ('other', 'paper')`, [ACCOUNT]);
  await database.pool.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, venue_order_id,
         control_version, epoch, created_at, updated_at, final_at)
       select 'o' || n, 'o' || n, case when n > $2::integer then 'other' else $1 end, 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', 'filled',
         'IOC', 0.01, 100, 0, 0, 0.01, 1, 'v' || n, 1, 1, at, at, at
       from generate_series(1, $2::integer + 10) n cross join lateral (select clock_timestamp() - interval '1 day' - n * interval '1 minute') past (at)`,
    [ACCOUNT, ORDERS],
  );
  await database.pool.query(
    `insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side, event_time, booked_at)
       select account, instrument, intent_id, venue_order_id, intent_id, 'buy', 100, 0.01, 0, 'USDT', 'taker', epoch_ms(final_at), final_at from orders`,
  );
  await database.pool.query(
    `insert into latches (scope, scope_value, reason, subject, policy, engaged_at, called_at)
       values ('account', $1, 'a test', 'rik', 'none', clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 hour')`,
    [ACCOUNT],
  );
  // One that was open all the while, one that has ended since, and one of long ago that was found to be otherwise since.
  await database.pool.query(`update orders set status = 'accepted', final_at = null where intent_id = 'o19000'`);
  await database.pool.query(
    `update orders set updated_at = clock_timestamp(), final_at = case intent_id when 'o18000' then clock_timestamp() else final_at end
       where intent_id in ('o18000', 'o17000')`,
  );
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

it.each(['not counted yet', 'counted'])(
  'its file reads what is open or has changed since, beside 20,000 old orders that are %s',
  async (counted) => {
    if (counted === 'counted') await database.pool.query('analyze');
    const kills = createKillStore(pool);
    for (let call = 0; call < CALLS; call += 1) {
      const { answer, rows } = await rowsRead(pool, 'orders', () => kills.evidence(ACCOUNT));
      const { orders } = answer as unknown as { readonly orders: readonly { readonly intentId: string }[] };
      expect(orders.map(({ intentId }) => intentId)).toEqual(['o19000', 'o18000', 'o17000']);
      expect(rows).toBeLessThanOrEqual(3);
      expect((await rowsRead(pool, 'fills', () => kills.evidence(ACCOUNT))).rows).toBe(0);
    }
  },
);
