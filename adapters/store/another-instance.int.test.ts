import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOrderIdOf } from '../../activities/order/client-order-id.js';
import type { KeelsonError } from '../../core/errors.js';
import { migrate } from '../../db/migrate.js';
import { withClient } from '../../launcher/parts/database.js';
import { startPostgres, type PostgresServer } from '../../launcher/postgres/server.js';
import { freePort } from '../../test/support/free-port.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';

const INTENT = 'stop:main:momentum:BTC-USDT:2';

describe('P31: a database that is recovered to a point in time, beside a Temporal that has lived on', () => {
  let folder: string;
  let server: PostgresServer | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-recovered-'));
    await chmod(folder, 0o711);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is another instance of another epoch, halted, and whoever worked over the one before ends', { timeout: 300_000 }, async () => {
    const home = join(folder, 'home');
    const port = await freePort();
    const start = async (settings: Record<string, string> = {}): Promise<string> =>
      (server = await startPostgres({ home, port, settings })).url;
    const url = await start();
    await withClient(url, (client) => migrate(client));
    const replaced: KeelsonError[] = [];
    const pool = openPool(url, { applicationName: 'before', onReplaced: (error) => void replaced.push(error) });
    const before = await createControlStore(pool).epoch();
    const configuration = { account: 'main', venue: 'paper', limits: {}, strategies: [], subject: 'test' };
    await createControlStore(pool).applyConfiguration(configuration);

    // The copy of the night. The server lives on: it is the same, however often it is started.
    await server?.stop();
    await promisify(execFile)('cp', ['-a', home, join(folder, 'copy')]);
    await start();
    expect(await createControlStore(pool).epoch()).toEqual(before);
    expect(replaced).toEqual([]);

    // Recovered from the copy: what was done since is gone, and the venue has orders under the names that come next.
    await server?.stop();
    await rename(home, join(folder, 'lost'));
    await rename(join(folder, 'copy'), home);
    await writeFile(join(home, 'data', 'recovery.signal'), '');
    await start({ restore_command: 'false' });

    // A process that has lived on gives out no connection to it.
    await expect(createControlStore(pool).epoch()).rejects.toMatchObject({ failure: { code: 'INFRA_DATABASE' } });
    expect(replaced).toMatchObject([{ failure: { code: 'INFRA_INSTANCE_REPLACED' } }]);
    await pool.end();
    const anew = openPool(url, { applicationName: 'after', onReplaced: (error) => void replaced.push(error) });
    const after = await createControlStore(anew).epoch();
    expect(clientOrderIdOf(after.instanceId, INTENT)).not.toBe(clientOrderIdOf(before.instanceId, INTENT));
    // Seconds, so that a second recovery of the same copy is yet another.
    expect(after.epoch).toBeGreaterThan(20_000_000);
    expect(replaced).toHaveLength(1);
    // What it had placed by then is ours all the same.
    expect((await anew.query('select instance_id as id from former_instances')).rows).toEqual([{ id: before.instanceId }]);
    expect((await anew.query('select mode from control')).rows).toEqual([{ mode: 'paused' }]);
    expect((await anew.query('select scope, subject from latches where released_at is null')).rows).toEqual([
      { scope: 'everything', subject: 'restore' },
    ]);
    const { rows } = await anew.query(`select data->'was' as was, data->'is' as is from incidents where kind = 'databaseChanged'`);
    expect(rows).toMatchObject([{ was: { ...before, timeline: 1 }, is: { ...after, timeline: 2 } }]);
    await anew.end();
  });
});

describe('P31: a server that does not tell everything of itself', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(async () => database?.drop());

  it('is worked over all the same, and its timeline is heeded; what is told for the first time is another than before', async () => {
    const { pool } = database;
    const asked = async (prelude = ''): Promise<unknown[]> => {
      const client = await pool.connect();
      try {
        await client.query(`begin; ${prelude}`);
        const { rows } = await client.query<{ answer: string }>('select check_instance_identity() as answer');
        await client.query('commit');
        return [rows[0]?.answer, ...(await client.query('select system_identifier as told, timeline > 0 as dated from instance')).rows];
      } finally {
        client.release();
      }
    };
    await pool.query(`create role managed; grant select, insert, update on all tables in schema public to managed;
      grant usage on all sequences in schema public to managed; revoke execute on function pg_control_system() from public;
      update instance set system_identifier = null, timeline = null`);
    try {
      const untold = { told: 'not told', dated: true };
      expect(await asked('set local role managed')).toEqual(['recorded', untold]);
      expect(await asked('set local role managed')).toEqual(['same', untold]);
      await pool.query('update instance set timeline = timeline + 1');
      expect(await asked('set local role managed')).toEqual(['changed', untold]);
      expect(await asked()).toEqual(['changed', { told: expect.stringMatching(/^\d+$/) as string, dated: true }]);
      expect(await asked('set local role managed')).toEqual(['changed', untold]);
    } finally {
      await pool.query(`drop owned by managed; drop role managed`);
    }
  });
});
