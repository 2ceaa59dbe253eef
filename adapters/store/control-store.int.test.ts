import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../test/support/ledger.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';
import { eventually } from '../../test/support/eventually.js';

describe('what the ledger keeps of configuration and instance', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: ReturnType<typeof createControlStore>;

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    store = createControlStore(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  const configuration = { account: 'main', venue: 'paper', limits: { maxOpenOrders: 2 }, strategies: [], subject: 'test' };
  const control = async () => (await pool.query<{ mode: string; version: string }>('select mode, version from control')).rows[0];

  it('changes the control row only when the configuration says something new', async () => {
    expect(await store.applyConfiguration(configuration)).toMatchObject({ hasChanged: true });
    const before = await control();
    expect(await store.applyConfiguration(configuration)).toMatchObject({ hasChanged: false });
    expect(await control()).toEqual(before);
    expect(await store.applyConfiguration({ ...configuration, limits: { maxOpenOrders: 1 } })).toMatchObject({ hasChanged: true });
    expect(Number((await control())?.version)).toBe(Number(before?.version) + 1);
  });

  it('P2: a start makes its versions active once; a worker of an older one that comes back does not', async () => {
    const limits = { ...LIMITS, maxOpenOrders: 1 };
    const start = (version: string, activation: { start: string | undefined } | 'none') =>
      store.applyConfiguration({
        ...configuration,
        limits,
        strategies: [{ strategy: 'momentum', instrument: 'BTC/USDT', version, modelHash: 'm' }],
        activation,
      });
    const active = async () =>
      (await pool.query<{ version: string }>('select version from active_strategies')).rows.map((row) => row.version);
    await start('1', { start: 'old' });
    expect(await active()).toEqual(['1']);
    await start('2', { start: 'new' });
    expect(await active()).toEqual(['2']);
    expect(await start('1', { start: 'old' })).toMatchObject({ hasChanged: false });
    expect(await start('1', 'none')).toMatchObject({ hasChanged: false });
    expect(await active()).toEqual(['2']);
    // Going back is a start of its own.
    await start('1', { start: 'back' });
    expect(await active()).toEqual(['1']);
    // A process that belongs to no start says its own each time.
    await start('2', { start: undefined });
    expect(await active()).toEqual(['2']);
  });

  it('writes down what was there before us once', async () => {
    expect(await store.onboarded()).toEqual([]);
    expect(await store.onboard('main', {})).toBe(true);
    expect(await store.onboard('main', {})).toBe(false);
    expect(await store.onboarded()).toEqual(['main']);
  });

  it('Rows: a database that is another than before starts every account paused, with an incident', async () => {
    await database.pool.query('update instance set system_identifier = null, timeline = null');
    expect(await store.checkIdentity()).toBe('recorded');
    expect(await store.checkIdentity()).toBe('same');
    expect((await control())?.mode).toBe('normal');
    await pool.query(`update instance set timeline = timeline - 1`);
    expect(await store.checkIdentity()).toBe('changed');
    expect((await control())?.mode).toBe('paused');
    // A person's word is not enough: a comparison has to find it clean first.
    expect((await pool.query('select reconciliation_hold, is_reconciled(c) from control c')).rows).toEqual([
      { reconciliation_hold: { since: expect.any(String), was: 'paused', classes: [] }, is_reconciled: false },
    ]);
    expect((await pool.query('select kind, account from incidents')).rows).toEqual([{ kind: 'databaseChanged', account: 'main' }]);
    // P31: nor is one person's. The halt is audited, told to the kill, and there once.
    expect((await pool.query('select scope, subject, policy, reason, released_at from latches')).rows).toEqual([
      { scope: 'everything', subject: 'restore', policy: 'none', reason: expect.stringMatching(/^restore: /) as string, released_at: null },
    ]);
    expect((await pool.query(`select account, data->>'by' as by from audit_events where kind = 'halt.engaged'`)).rows).toEqual([
      { account: 'main', by: 'restore' },
    ]);
    expect((await pool.query(`select data from outbox where kind = 'haltChanged'`)).rows).toEqual([{ data: { account: 'main' } }]);
    expect(await store.checkIdentity()).toBe('same');
  });

  it('Rows: also when it becomes another while we run, and before anything is done on it', async () => {
    const { rows } = await database.pool.query<{ timeline: number }>('select timeline from instance');
    expect(rows[0]?.timeline).toBeGreaterThan(0);
    await database.pool.query(`update control set mode = 'normal'`);
    const before = Number((await control())?.version);
    // As after a promotion: the connections are gone, and what answers on the new ones is on another timeline.
    await database.pool.query('update instance set timeline = timeline - 1');
    await database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'test'`);
    await eventually(async () => expect(await control()).toEqual({ mode: 'paused', version: String(before + 1) }));
    expect((await database.pool.query('select timeline from instance')).rows).toEqual(rows);
  });
});
