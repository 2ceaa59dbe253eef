import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { KillStore } from '../../activities/ports/kill.js';
import type { Latch } from '../../core/control/mode.js';
import { foundClean } from '../../test/support/found-clean.js';
import { LIMITS } from '../../test/support/ledger.js';
import { clearLook } from '../../test/support/look.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openHaltStore, type HaltStore } from './halt-store.js';
import { createKillStore } from './kill-store.js';

const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' };
const STRATEGY: Latch = { scope: 'strategy', scopeValue: 'momentum' };
const INSTRUMENT: Latch = { scope: 'instrument', scopeValue: 'BTC/USDT' };
const TRADED = { strategy: 'momentum', instrument: 'BTC/USDT', version: '1', modelHash: '' };

describe('a halt of a strategy or an instrument in all accounts', () => {
  let database: TestDatabase;
  let pool: Pool;
  let halts: HaltStore;
  let kills: KillStore;
  let keys: { readonly rik: string; readonly olga: string };

  const configure = (account: string, strategies: readonly (typeof TRADED)[]) =>
    createControlStore(pool).applyConfiguration({ account, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
  beforeAll(async () => {
    database = await testDatabase();
    ({ pool } = database);
    halts = openHaltStore(database.url);
    kills = createKillStore(pool);
    keys = { rik: await seedPerson(pool, 'rik', ['risk']), olga: await seedPerson(pool, 'olga', ['risk']) };
    await configure('main', [TRADED]);
    await configure('other', [{ ...TRADED, strategy: 'reversion', instrument: 'ETH/USDT' }]);
  });
  afterEach(async () => {
    await pool.query('update latches set released_at = clock_timestamp() where released_at is null');
    await pool.query(
      `update orders set status = 'expired', final_at = clock_timestamp() - interval '2 days' where final_at is null or true`,
    );
    await pool.query('update incidents set closed_at = clock_timestamp() where closed_at is null');
    await pool.query(`delete from outbox; delete from kills; delete from positions; delete from position_sums;
      delete from active_strategies where account = 'other' and strategy = 'momentum'`);
    for (const account of ['main', 'other']) await foundClean(pool, account);
  });
  afterAll(async () => {
    await halts?.close();
    await database?.drop();
  });

  const versions = async (): Promise<Record<string, number>> => {
    const { rows } = await pool.query<{ account: string; version: string }>('select account, version from control');
    return Object.fromEntries(rows.map(({ account, version }) => [account, Number(version)]));
  };
  const woken = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ account: string }>(
      `select data->>'account' as account from outbox where kind = 'haltChanged' order by outbox_id`,
    );
    return rows.map(({ account }) => account);
  };
  const latchesOver = async (account: string) => (await kills.readKill(account)).latches.length;
  /** Two people want its end. @returns their request */
  const approved = async (latchId: string): Promise<string> => {
    const requestId = randomUUID();
    const request = { requestId, latchId, reason: 'a test', incidents: [], subject: 'rik', underKey: keys.rik, validForMs: 600_000 };
    await pool.query('select request_rearm($1)', [request]);
    const { rows } = await pool.query<{ hash: string }>(
      `select encode(payload_sha256, 'hex') as hash from approval_requests where request_id = $1`,
      [requestId],
    );
    const decision = { requestId, decision: 'approved', reason: 'seen', subject: 'olga', keyId: keys.olga, payloadHash: rows[0]?.hash };
    await pool.query('select decide_approval($1)', [decision]);
    return requestId;
  };
  const seenClean = async (account: string): Promise<void> => {
    await kills.writeKill(account, 'verified', await clearLook(pool, account), null);
    await foundClean(pool, account);
  };
  const order = async (status: string, finalAgo: string | null): Promise<string> => {
    const intentId = randomUUID();
    await pool.query(
      `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
         time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, authorised_until, final_at)
       values ($1, $1, 'other', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', $2, 'IOC', 1, 100, 0, 0, 1, 1, clock_timestamp(),
         clock_timestamp() - $3::interval)`,
      [intentId, status, finalAgo],
    );
    return intentId;
  };
  const position = (quantity: string) =>
    pool.query(
      `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('other', 'momentum', 'BTC/USDT', $1, 0, 0)
         on conflict (account, strategy, instrument) do update set updated_at = clock_timestamp()`,
      [quantity],
    );
  const incident = (data: object) =>
    pool.query(`insert into incidents (incident_key, account, kind, data) values ($1, 'other', 'oddFill', $2)`, [randomUUID(), data]);
  const difference = async (subject: string, deltas: object): Promise<void> => {
    const run = randomUUID();
    await pool.query(`insert into reconciliation_runs (run_id, account, scope) values ($1, 'other', 'hour')`, [run]);
    await pool.query(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
       values ('other', 'unknown', 'unknown', $2, 'f', 'person', 'open', $3, '{}', $1, $1)`,
      [run, subject, deltas],
    );
  };

  it.each([STRATEGY, INSTRUMENT])(
    'stops it in each, is about those that trade it, and ends when these are clean: $scope',
    async (scope) => {
      const before = await versions();
      const { latchId, accounts } = await halts.latch(scope, CAUSE);
      expect(accounts).toEqual(['main']);
      expect(await woken()).toEqual(['main']);
      expect([await latchesOver('main'), await latchesOver('other')]).toEqual([1, 0]);
      const moved = (by: number) => ({ main: (before['main'] ?? 0) + by, other: (before['other'] ?? 0) + by });
      expect(await versions()).toEqual(moved(1));
      // Of the other one, which is unwell, nobody has seen anything.
      await incident({ instrument: 'ETH/USDT', strategy: 'reversion' });
      const { rows } = await pool.query<{ missing: object | null }>(`select missing_kill('other', 0) as missing`);
      expect(rows).toEqual([{ missing: null }]);
      const requestId = await approved(latchId);
      expect(await kills.release(latchId, requestId)).toEqual({ kind: 'notClean', found: 'not verified anew: main' });
      await seenClean('main');
      expect(await kills.release(latchId, requestId)).toEqual({ kind: 'released' });
      expect(await versions()).toEqual(moved(2));
    },
  );

  it.each<[string, () => Promise<unknown>, Latch?]>([
    ['is configured for it', () => configure('other', [TRADED])],
    ['holds something of it', () => position('0.00001')],
    ['has sold the last of it while it was halted', () => position('0')],
    ['has fills of it that add up to something', () => pool.query(`insert into position_sums values ('other', 'momentum', 'BTC/USDT', 1)`)],
    ['has an order of it that is unknown', () => order('unknown', null)],
    ['has a stop of it that rests', () => order('accepted', null)],
    ['had an order of it a moment ago', () => order('notPlaced', '23 hours')],
    ['has an open incident of it', () => incident({ strategy: 'momentum', instrument: 'BTC/USDT' })],
    ['has an open incident of an old order of it', async () => incident({ order: [{ intentId: await order('canceled', '3 days') }] })],
    ['has something of it that nobody can explain', () => difference('position:momentum:BTC/USDT', {})],
    ['has a workflow of it that nobody can explain', () => difference('protect:other:momentum:BTC-USDT', {})],
    ['has coins of it that nobody can explain', () => difference('balance of BTC', { BTC: '1' }), INSTRUMENT],
  ])('is about an account, too, that %s', async (_, make, only) => {
    for (const scope of only === undefined ? [STRATEGY, INSTRUMENT] : [only]) {
      const { latchId, accounts } = await halts.latch(scope, CAUSE);
      if (accounts.length === 1) await make();
      expect((await halts.latch(scope, CAUSE)).accounts).toEqual(['main', 'other']);
      expect(await latchesOver('other')).toBe(only === undefined && scope === INSTRUMENT ? 2 : 1);
      const requestId = await approved(latchId);
      await seenClean('main');
      expect(await kills.release(latchId, requestId)).toMatchObject({ kind: 'notClean', found: 'not verified anew: other' });
    }
  });

  it('is not about an account that has left it behind', async () => {
    await order('filled', '25 hours');
    await pool.query(`insert into positions (account, strategy, instrument, quantity, cost, realized_pnl, updated_at)
      values ('other', 'momentum', 'BTC/USDT', 0, 0, 5, clock_timestamp() - interval '1 hour')`);
    await incident({ instrument: 'ETH/USDT', strategies: ['momentum2', 'a momentum-like one'] });
    await difference('position:reversion:ETH/USDT', { USDT: '1', ETH: '1' });
    for (const scope of [STRATEGY, INSTRUMENT]) expect((await halts.latch(scope, CAUSE)).accounts).toEqual(['main']);
  });

  it('is about all that ever had it where it was called by a clock that is set back since: when that was is not known', async () => {
    await position('0');
    await pool.query(`update positions set updated_at = clock_timestamp() - interval '1 hour'`);
    await halts.latch(STRATEGY, CAUSE);
    expect(await latchesOver('other')).toBe(0);
    await pool.query(`update latches set engaged_at = engaged_at + interval '2 days' where released_at is null`);
    expect(await latchesOver('other')).toBe(1);
    await pool.query('delete from positions');
    await order('filled', '25 hours');
    expect((await halts.latch(STRATEGY, CAUSE)).accounts).toEqual(['main', 'other']);
  });

  it('is about an account that a person has named, whatever it trades', async () => {
    const { accounts } = await halts.latch({ ...STRATEGY, account: 'other' }, CAUSE);
    expect(accounts).toEqual(['other']);
    expect([await latchesOver('main'), await latchesOver('other')]).toEqual([0, 1]);
  });

  it('wakes the kill of an account in which it is configured meanwhile, and of no other', async () => {
    await halts.latch(STRATEGY, CAUSE);
    await halts.latch({ ...INSTRUMENT, account: 'main' }, CAUSE);
    await pool.query('delete from outbox');
    await configure('other', [{ ...TRADED, strategy: 'reversion' }]);
    expect(await woken()).toEqual([]);
    await configure('other', [TRADED]);
    expect(await woken()).toEqual(['other']);
    expect(await latchesOver('other')).toBe(1);
  });
});
