import { randomUUID } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertBuild } from '../test/faults/crash/servers.js';
import { bundleEdited } from '../test/support/edited-bundle.js';
import { eventually } from '../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { ROOT, RunningKeelson } from '../test/support/running-keelson.js';
import { startConfig } from '../test/support/start-config.js';
import { temporalIfAny } from '../test/support/temporal.js';
import { watchAccountWorkflowId } from '../workflows/names.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 180_000;
/** Of a build, what runs; the sources stay where they are. */
const OF_A_BUILD = ['dist', 'db', 'models', 'package.json', 'keelson.config.json'];

describe.skipIf(temporal === undefined)('P32: a build that cannot go on with what is open', () => {
  const { address = '' } = temporal ?? {};
  const folder = mkdtempSync(join(tmpdir(), 'keelson-upgrade-'));
  const [home, config] = [join(folder, 'home'), join(folder, 'keelson.config.json')];
  const namespace = `upgrade-${randomUUID()}`;
  const running: RunningKeelson[] = [];
  let database: TestDatabase;
  let connection: Connection;

  beforeAll(async () => {
    await assertBuild();
    database = await testDatabase();
    connection = await Connection.connect({ address });
    writeFileSync(config, startConfig());
    // As root, the account that runs Postgres has to pass through.
    chmodSync(folder, 0o711);
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.end('SIGKILL')));
    await connection?.close();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A build of its own, as it is installed on a machine. */
  const build = (name: string): string => {
    const root = join(folder, name);
    for (const part of OF_A_BUILD) cpSync(join(ROOT, part), join(root, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    return root;
  };
  /** On servers of one's own: nothing is started that is not this build's. */
  const start = (root: string): RunningKeelson => {
    const env = { ...process.env, DATABASE_URL: database.url, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    const keelson = new RunningKeelson(home, config, [], { root, program: 'dist/launcher/main.js', env });
    running.push(keelson);
    return keelson;
  };
  const isReady = ({ event }: { readonly event: string }): boolean => event === 'ready';
  const migrations = async (): Promise<readonly object[]> =>
    (await database.pool.query('select name, checksum from schema_migrations order by name')).rows;

  it('is refused by its launcher with what to do, changes nothing, and the build before starts again', { timeout: 400_000 }, async () => {
    const older = build('older');
    // Its account stream takes a step that this build does not know.
    const edited = await bundleEdited('workflows/streams/streams.ts', [
      ['import { continueAsNew, proxyActivities }', 'import { continueAsNew, proxyActivities, sleep }'],
      ['  await streamAccount(account);', '  await sleep(1);\n  await streamAccount(account);'],
    ]);
    unlinkSync(join(older, 'dist', 'workflow-bundle.js'));
    writeFileSync(join(older, 'dist', 'workflow-bundle.js'), edited.code);
    const first = start(older);
    await first.waitFor('the older build is ready', isReady, LIMIT_MS);
    const workflowId = watchAccountWorkflowId('main', undefined);
    const stream = new Client({ connection, namespace }).workflow.getHandle(workflowId);
    await eventually(async () => expect((await stream.describe()).raw.pendingActivities).toHaveLength(1), LIMIT_MS);
    expect(await first.end('SIGTERM')).toBe(0);

    const newer = build('newer');
    writeFileSync(join(newer, 'db', 'migrations', '20991231000000_later.sql'), 'create table later (id integer);\n');
    const before = await migrations();
    const refused = start(newer);
    const told = await refused.waitFor('it is refused', ({ event }) => event === 'error', LIMIT_MS);
    expect(told).toMatchObject({ code: 'CONFIG_WORKFLOWS_DIFFER' });
    expect(told['message']).toContain(workflowId);
    expect(told['message']).toContain('start the build that ran here before');
    // It ends by itself: this signal only waits for that.
    expect(await refused.end('SIGCONT')).toBe(78);
    expect(refused.childPids()).toEqual([]);
    expect(await migrations()).toEqual(before);
    const { rows } = await database.pool.query<{ later: string | null }>(`select to_regclass('later')::text as later`);
    expect(rows).toEqual([{ later: null }]);

    const again = start(older);
    await again.waitFor('the older build is ready again', isReady, LIMIT_MS);
    expect((await stream.describe()).status.name).toBe('RUNNING');
    expect(await again.end('SIGTERM')).toBe(0);
  });
});
