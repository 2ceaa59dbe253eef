import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';

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

  const configuration = { account: 'main', venue: 'paper', limits: { maxOpenOrders: 1 }, strategies: [], subject: 'test' };
  const control = async () => (await pool.query<{ mode: string; version: string }>('select mode, version from control')).rows[0];

  it('changes the control row only when the configuration says something new', async () => {
    expect(await store.applyConfiguration(configuration)).toBe(true);
    const before = await control();
    expect(await store.applyConfiguration(configuration)).toBe(false);
    expect(await control()).toEqual(before);
    expect(await store.applyConfiguration({ ...configuration, limits: { maxOpenOrders: 2 } })).toBe(true);
    expect(Number((await control())?.version)).toBe(Number(before?.version) + 1);
  });

  it('writes down what was there before us once', async () => {
    expect(await store.onboard('main', {})).toBe(true);
    expect(await store.onboard('main', {})).toBe(false);
  });

  it('Rows: a database that is another than before starts every account paused, with an incident', async () => {
    expect(await store.checkIdentity()).toBe('recorded');
    expect(await store.checkIdentity()).toBe('same');
    expect((await control())?.mode).toBe('normal');
    await pool.query(`update instance set timeline = timeline - 1`);
    expect(await store.checkIdentity()).toBe('changed');
    expect((await control())?.mode).toBe('paused');
    expect((await pool.query('select kind, account from incidents')).rows).toEqual([{ kind: 'databaseChanged', account: 'main' }]);
    expect(await store.checkIdentity()).toBe('same');
  });
});
