import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signalWorkflowId } from '../../core/signal/signal.js';
import { openServers, type CrashServers } from '../../test/faults/crash/servers.js';
import { settled } from '../../test/faults/crash/standing.js';
import { until } from '../../test/faults/crash/until.js';
import { World } from '../../test/faults/crash/world.js';
import { temporalIfAny } from '../../test/support/temporal.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)(
  'P31: a snapshot of the database’s volume is put back, and Temporal has lived on',
  { timeout: 300_000 },
  () => {
    let servers: CrashServers;
    let world: World;
    let admin: pg.Client;
    let name: string;

    beforeAll(async () => {
      servers = await openServers(temporal?.address ?? '');
      world = await World.open(servers);
      const address = new URL(world.databaseUrl);
      name = address.pathname.slice(1);
      admin = new pg.Client({ connectionString: Object.assign(address, { pathname: '/postgres' }).href });
      await admin.connect();
    });
    afterAll(async () => {
      await admin?.end();
      await world?.close();
      await servers?.close();
    });

    /** With nobody connected: whoever was comes back by itself. */
    const alone = async (...statements: readonly string[]): Promise<void> => {
      await admin.query(`alter database ${name} allow_connections false`);
      await admin.query('select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1', [name]);
      for (const statement of statements) await admin.query(statement);
      await admin.query(`alter database ${name} allow_connections true`);
    };
    const instance = async (): Promise<unknown> => (await world.pool.query('select instance_id from instance')).rows[0];

    it('is another instance, halted, as soon as a guardian starts, and whoever worked over it ends', async () => {
      await (await world.start('guardian')).kill();
      // Temporal’s clock is trusted to a minute, and this account is younger.
      await world.pool.query(`update accounts set created_at = created_at - interval '1 hour'`);
      const before = await instance();
      await alone(`create database snapshot template ${name} strategy file_copy`);

      const crew = [await world.start('guardian'), await world.start('trading')];
      const signal = await until('an entry is filled', async () => {
        const given = world.signal('open');
        return (await (await world.give(given)).outcome).status === 'filled' && given;
      });
      await settled(world, ['protected']);
      const query = `ExecutionStatus = 'Completed' and KeelsonStatus = 'filled' and WorkflowId = '${signalWorkflowId(signal)}'`;
      await until('Temporal lists it', async () => {
        for await (const run of world.client.workflow.list({ query })) return run.workflowId;
        return false;
      });
      const stops = world.witness().orders;
      for (const program of crew) await program.kill();

      await alone();
      await admin.query(`alter database ${name} rename to lost`);
      await admin.query(`alter database snapshot rename to ${name}`);
      // Nothing in it tells: it is the same server, in the same timeline.
      const trading = await world.start('trading');
      expect(await instance()).toEqual(before);
      const found = world.launch('guardian');
      await until(
        'the guardian has found it',
        () => found.hasGivenUp,
        () => found.logTail(),
      );
      expect(found.log()).toContain('INFRA_INSTANCE_REPLACED');
      expect(await instance()).not.toEqual(before);
      await until(
        'the trading worker has ended, too',
        () => trading.hasGivenUp,
        () => trading.logTail(),
      );

      await world.start('guardian');
      const { rows } = await world.pool.query(`select subject, reason from latches where released_at is null`);
      expect(rows).toEqual([
        { subject: 'restore', reason: expect.stringMatching(/^restore: the database has gone back: .*:open was traded/) as string },
      ]);
      expect((await world.pool.query('select mode from control')).rows).toEqual([{ mode: 'paused' }]);
      // What rests at the venue for what the books do not know stays.
      expect(world.witness().orders).toEqual(stops);
    });
  },
);
