import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KillStore, Released } from '../../activities/ports/kill.js';
import { foundClean } from '../../test/support/found-clean.js';
import { LIMITS } from '../../test/support/ledger.js';
import { clearLook } from '../../test/support/look.js';
import { approvedRearm, seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';

/** What tells when it was. */
const TIMES = {
  latches: ['engaged_at', 'called_at'],
  approval_requests: ['created_at', 'expires_at'],
  approvals: ['decided_at'],
  kills: ['looked_at', 'verified_at', 'updated_at'],
  reconciliations: ['last_clean_at', 'last_compared_at'],
} as const;

describe('P30: the end of a halt, where the database’s clock was ahead and is set back', () => {
  let database: TestDatabase;
  let pool: Pool;
  let halts: HaltStore;
  let kills: KillStore;
  let keys: { readonly rik: string; readonly olga: string };

  beforeAll(async () => {
    database = await testDatabase();
    ({ pool } = database);
    halts = openHaltStore(database.url);
    kills = createKillStore(pool);
    keys = { rik: await seedPerson(pool, 'rik', ['risk']), olga: await seedPerson(pool, 'olga', ['risk']) };
    await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits: LIMITS, strategies: [], subject: 'test' });
  });
  afterEach(async () => {
    await pool.query('update latches set released_at = clock_timestamp() where released_at is null; delete from kills');
    await pool.query(`update orders set final_at = clock_timestamp() - interval '2 days'`);
  });
  afterAll(async () => {
    await halts?.close();
    await database?.drop();
  });

  const called = async (): Promise<string> =>
    (await halts.latch({ scope: 'account', scopeValue: 'main' }, { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' }))
      .latchId;
  const asked = (latchId: string) => approvedRearm(pool, latchId, keys);
  const moved = async (by: string, table: keyof typeof TIMES): Promise<void> => {
    await pool.query(
      `set session_replication_role = replica;
       update ${table} set ${TIMES[table].map((column) => `${column} = ${column} + interval '${by}'`).join(', ')};
       set session_replication_role = origin`,
    );
  };
  const allMoved = async (by: string): Promise<void> => {
    for (const table of Object.keys(TIMES) as (keyof typeof TIMES)[]) await moved(by, table);
  };
  /** What is there was written while the clock was three hours ahead. */
  const setBack = () => allMoved('3 hours');
  /** … and nearly three hours have passed since. */
  const hasCome = () => allMoved('-3 hours 1 minute');
  const looked = async () => kills.writeKill('main', 'verified', await clearLook(pool, 'main'), null);
  const ended = async (latchId: string, requestId: string): Promise<Released> => {
    await looked();
    await foundClean(pool, 'main');
    return kills.release(latchId, requestId);
  };
  const sold = (intentId: string) =>
    pool.query(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status, purpose,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until, final_at)
       values ($1, $1, 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'close', 'sell', 'filled', 'flatten', 'IOC', 1, 100, 0, 0, 1, 1,
         clock_timestamp(), clock_timestamp())`,
      [intentId],
    );
  const overtaken = { kind: 'notApproved', state: 'overtaken' };

  it('one that was called in a time to come is ended by two people as any other', async () => {
    const latchId = await called();
    await setBack();
    const requestId = await asked(latchId);
    expect(await ended(latchId, requestId)).toEqual({ kind: 'released' });
    const { rows } = await pool.query(`select account, data->>'latchId' as latch from audit_events where kind = 'halt.clockSetBack'`);
    expect(rows).toEqual([{ account: 'main', latch: latchId }]);
  });

  it('who carries it out brings it back too: what is seen verified then is this halt', async () => {
    const latchId = await called();
    await setBack();
    await looked();
    await looked();
    const { rows } = await pool.query(
      `select has_seen(k, l) as seen, l.engaged_at <= clock_timestamp() as engaged from kills k, latches l where latch_id = $1`,
      [latchId],
    );
    expect(rows).toEqual([{ seen: true, engaged: true }]);
  });

  it('who approved before it was called has seen another halt, also once the time of that has come', async () => {
    const latchId = await called();
    const before = await asked(latchId);
    await setBack();
    expect(await called()).toBe(latchId);
    expect(await ended(latchId, before)).toEqual(overtaken);
    await hasCome();
    await pool.query(`update reconciliations set last_clean_at = null`);
    expect(await ended(latchId, before)).toEqual(overtaken);
    expect(await ended(latchId, await asked(latchId))).toEqual({ kind: 'released' });
  });

  it('who approved in a time to come, of a halt of that time, is asked anew, also once that has come', async () => {
    const latchId = await called();
    const before = await asked(latchId);
    await setBack();
    expect(await ended(latchId, before)).toEqual(overtaken);
    await hasCome();
    expect(await ended(latchId, before)).toEqual(overtaken);
  });

  it('no comparison from before a sale of a time to come shows what that has left, and nobody waits for that time', async () => {
    const latchId = await called();
    const requestId = await asked(latchId);
    await foundClean(pool, 'main');
    await sold('slice');
    await pool.query(`update orders set final_at = final_at + interval '3 hours' where intent_id = 'slice'`);
    await looked();
    expect(await kills.release(latchId, requestId)).toMatchObject({ kind: 'notClean', unreconciled: ['main'] });
    expect(await ended(latchId, requestId)).toEqual({ kind: 'released' });
  });

  it.each(['kills', 'reconciliations'] as const)('what %s told of a time to come is no look at it once that has come', async (table) => {
    const latchId = await called();
    await looked();
    await foundClean(pool, 'main');
    await setBack();
    const requestId = await asked(latchId);
    await moved('-3 hours 1 second', table);
    if (table === 'kills') await foundClean(pool, 'main');
    else await looked();
    expect(await kills.release(latchId, requestId)).toMatchObject({ kind: 'notClean' });
    expect(await ended(latchId, requestId)).toEqual({ kind: 'released' });
  });
});
