import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { Latch } from '../../core/control/mode.js';
import { LIMITS } from '../../test/support/ledger.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { rowsRead } from '../../test/support/rows-read.js';
import { createControlStore } from './control-store.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';
import { openPool } from './pool.js';
import { createWatchStore } from './watch-store.js';

const DIFFERENCES = 2_000;
/** Of each of two strategies; one of them it has left behind. */
const ENDED = 5_000;
const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' };
const HALTS: readonly Latch[] = [
  { scope: 'strategy', scopeValue: 'momentum' },
  { scope: 'instrument', scopeValue: 'BTC/USDT' },
];
const TOLD = ['incidents', 'reconciliation_differences', 'orders'] as const;

describe(`P25: an account with ${DIFFERENCES} differences that nobody has decided, and a halt of what another one trades`, () => {
  let database: TestDatabase;
  let halts: HaltStore;
  /** One connection, as a guardian's: its statements end after a second, and it counts the rows that it reads. */
  let pool: Pool;

  beforeAll(async () => {
    database = await testDatabase();
    const { pool: owner } = database;
    for (const [account, strategy, instrument] of [
      ['main', 'momentum', 'BTC/USDT'],
      ['other', 'reversion', 'ETH/USDT'],
    ] as const) {
      const strategies = [{ strategy, instrument, version: '1', modelHash: '' }];
      await createControlStore(owner).applyConfiguration({ account, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
    }
    // What a bot beside us has ordered with the same account. Nobody has to be told of it here, which would take most of the time.
    await owner.query('alter table incidents disable trigger incidents_alert');
    await owner.query(`insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'other', 'hour')`);
    await owner.query(
      `with found as (
         insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
           select 'other', 'orphanOrder', 'orphanOrder', 'order:ETH/USDT:' || n, 'f', 'person', 'open', '{"ETH": "1"}', jsonb_build_object(
               'venue', jsonb_build_object('instrument', 'ETH/USDT', 'venueOrderId', n::text, 'clientOrderId', md5(n::text), 'side', 'buy',
                 'status', 'new', 'quantity', '1.5', 'price', '100.25', 'executedQuantity', '0', 'orderType', 'limit', 'timeInForce', 'GTC'),
               'ledger', null), run_id, run_id
             from reconciliation_runs, generate_series(1, $1) n returning *)
       insert into incidents (incident_key, account, kind, data)
         select 'reconciliation:' || difference_id, account, 'reconciliation', jsonb_build_object('differenceId', difference_id::text,
           'class', class, 'subject', subject, 'evidence', evidence, 'deltas', deltas) from found`,
      [DIFFERENCES],
    );
    await owner.query(
      `set local session_replication_role = replica;
       insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
          time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, created_at, final_at)
        select strategy || n, strategy || n, 'other', strategy, '1', instrument, '', 'USDT', 'open', 'buy', 'filled', 'IOC', 1, 100, 0, 0, 1, 1,
            clock_timestamp() - interval '3 days', clock_timestamp() - ago
          from generate_series(1, ${ENDED}) n,
            (values ('reversion', 'ETH/USDT', interval '1 minute'), ('momentum', 'BTC/USDT', interval '2 days')) traded (strategy, instrument, ago)`,
    );
    await owner.query('analyze orders');
    halts = openHaltStore(database.url);
    pool = openPool(database.url, { applicationName: 'test', max: 1 });
  });
  afterAll(async () => {
    await halts?.close();
    await pool?.end();
    await database?.drop();
  });

  it('is written, is about that one alone, and is carried out and watched as if they were not there', async () => {
    for (const halt of HALTS) expect((await halts.latch(halt, CAUSE)).accounts).toEqual(['main']);
    const kills = createKillStore(pool);
    expect((await kills.readKill('main')).latches).toHaveLength(HALTS.length);
    expect((await kills.readKill('other')).latches).toEqual([]);
    const watch = createWatchStore(pool);
    expect((await watch.read('other', []))?.missingKill).toBeUndefined();
    // What a sample of the watch wakes.
    await pool.query(`insert into account_watch (account, quote) values ('other', 'USDT')`);
    await pool.query(`update account_watch set sampled_at = clock_timestamp() where account = 'other'`);
  });

  it('counts what is not known in time: no halt waits for an answer', async () => {
    const { rows } = await pool.query<{ accounts: string[] }>(
      `select accounts_under_until(l, '-infinity') as accounts from latches l where released_at is null`,
    );
    expect(rows).toEqual(HALTS.map(() => ({ accounts: ['main', 'other'] })));
  });

  it('is carried out without reading what has ended', async () => {
    const { answer, rows } = await rowsRead(pool, 'orders', () => createKillStore(pool).readKill('other'));
    expect(answer.sold).toEqual([]);
    expect(rows).toBeLessThan(10);
  });

  it.each(TOLD)('takes up no row of them to know: %s', async (table) => {
    for (const { scope, scopeValue } of HALTS) {
      const asked = () => pool.query<{ account: string }>('select accounts_under($1, $2, null) as account', [scope, scopeValue]);
      const { answer, rows } = await rowsRead(pool, table, asked);
      // Of what has ended the newest order is looked at.
      expect([answer.rows, rows]).toEqual([[{ account: 'main' }], table === 'orders' ? 1 : 0]);
    }
  });
});
