import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openServers, type CrashServers } from '../test/faults/crash/servers.js';
import { bundleEdited } from '../test/support/edited-bundle.js';
import { eventually } from '../test/support/eventually.js';
import type { TestDatabase } from '../test/support/postgres.js';
import { ROOT, RunningKeelson } from '../test/support/running-keelson.js';
import { startConfig } from '../test/support/start-config.js';
import { temporalIfAny } from '../test/support/temporal.js';
import { TASK_QUEUES, watchAccountWorkflowId } from '../workflows/names.js';

// The SDK tells of every step of the worker; only what went wrong is of interest.
Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await temporalIfAny();
const LIMIT_MS = 180_000;
/** Of a build, what runs; the sources stay where they are. */
const OF_A_BUILD = ['dist', 'db', 'models', 'package.json', 'keelson.config.json'];
/** A step that an older build took and this one does not know. */
const OLDER = [
  ['import { continueAsNew, proxyActivities }', 'import { continueAsNew, proxyActivities, sleep }'],
  ['  await streamAccount(account);', '  await sleep(1);\n  await streamAccount(account);'],
] as const;

describe.skipIf(temporal === undefined)('P32: a build that cannot go on with what is open', () => {
  const { address = '' } = temporal ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'keelson-upgrade-'));
  const [home, config, older] = [join(folder, 'home'), join(folder, 'keelson.config.json'), join(folder, 'older')];
  const workflowId = watchAccountWorkflowId('main');
  const running: RunningKeelson[] = [];
  let servers: CrashServers;
  let database: TestDatabase;
  let namespace: string;
  let connection: NativeConnection;
  let client: Client;
  /** The migration that this build has, and the older one had not. */
  let newest: string;

  beforeAll(async () => {
    servers = await openServers(address);
    [database, namespace] = [await servers.database(), await servers.namespace()];
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
    writeFileSync(config, startConfig());
    // As root, the account that runs Postgres has to pass through.
    chmodSync(folder, 0o711);
    const { rows } = await database.pool.query<{ name: string }>(
      'delete from schema_migrations where name = (select max(name) from schema_migrations) returning name',
    );
    newest = rows[0]?.name ?? '';
  }, LIMIT_MS);
  afterAll(async () => {
    await Promise.all(running.map((one) => one.end('SIGKILL')));
    await client?.workflow.getHandle(workflowId).terminate();
    await connection?.close();
    await database?.drop();
    await servers?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The older build as it is installed on a machine, and a run that it has left open. */
  const leaveRun = async (): Promise<void> => {
    for (const part of OF_A_BUILD) cpSync(join(ROOT, part), join(older, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(older, 'node_modules'));
    rmSync(join(older, 'db', 'migrations', `${newest}.sql`));
    const workflowBundle = await bundleEdited('workflows/streams/streams.ts', OLDER);
    writeFileSync(join(older, 'dist', 'workflow-bundle.js'), workflowBundle.code);
    const taskQueue = TASK_QUEUES.guardian;
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle });
    await worker.runUntil(async () => {
      const handle = await client.workflow.start('watchAccount', { taskQueue, workflowId, args: ['main'] });
      await eventually(async () => expect((await handle.describe()).raw.pendingActivities).toHaveLength(1), LIMIT_MS);
    });
    // What is listed follows what is.
    await eventually(async () => expect((await client.workflow.count(`ExecutionStatus = 'Running'`)).count).toBe(1), LIMIT_MS);
  };
  /** On servers of one's own: nothing is started but what the build itself starts. */
  const start = (root: string): RunningKeelson => {
    const env = { ...process.env, DATABASE_URL: database.url, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    const keelson = new RunningKeelson(home, config, [], { root, program: 'dist/launcher/main.js', env });
    running.push(keelson);
    return keelson;
  };
  const migrations = async (): Promise<readonly string[]> =>
    (await database.pool.query<{ name: string }>('select name from schema_migrations order by name')).rows.map(({ name }) => name);

  it('is refused by its launcher with what to do, changes nothing, and the build before starts', { timeout: 400_000 }, async () => {
    await leaveRun();
    const before = await migrations();
    expect(before).not.toContain(newest);
    const refused = start(ROOT);
    const told = await refused.waitFor('it is refused', ({ event }) => event === 'error', LIMIT_MS);
    expect(told).toMatchObject({ code: 'CONFIG_WORKFLOWS_DIFFER' });
    expect(told['message']).toContain(workflowId);
    expect(told['message']).toContain('start the build that ran here before');
    // It ends by itself: this signal only waits for that.
    expect(await refused.end('SIGCONT')).toBe(78);
    expect(refused.childPids()).toEqual([]);
    expect(await migrations()).toEqual(before);

    const again = start(older);
    const passed = ['replay', 'database'].map((step) =>
      again.waitFor(`${step} of the older build`, (event) => event['step'] === step && event['state'] === 'done', LIMIT_MS),
    );
    expect((await Promise.all(passed)).map(({ message }) => message)).toEqual([
      '1 open workflow run goes on with this build',
      expect.stringContaining('is up to date'),
    ]);
    await again.end('SIGTERM');
    expect(await migrations()).toEqual(before);
  });
});
