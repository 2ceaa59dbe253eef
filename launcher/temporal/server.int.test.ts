import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { freePort } from '../../test/support/free-port.js';
import { goneWithin, identify } from '../home/process-identity.js';
import { externalServer } from './external.js';
import { prepareNamespace } from './namespace.js';
import { resolveTemporal } from './resolve.js';
import { type StartTemporalOptions, type TemporalBinary, type TemporalServer, startTemporal, versionThatWrote } from './start.js';

const HOLD = fileURLToPath(new URL('fixtures/hold.mjs', import.meta.url));
const WORKFLOWS = fileURLToPath(new URL('fixtures/sleeper.ts', import.meta.url));
const TASK_QUEUE = 'sleepers';

// Asked first: where it has to be built, that is done once, by the process that holds the servers of the run.
const shared = await temporalIfAny();

describe.skipIf(shared === undefined)('our own Temporal server', () => {
  let binary: TemporalBinary;
  let folder: string;
  let dbFile: string;
  let running: TemporalServer[];

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const env = { ...process.env, TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '', TEMPORAL_CONFIG_FILE: '' };
    const resolved = await resolveTemporal({ env, repoDir: fileURLToPath(new URL('../..', import.meta.url)) });
    if (resolved.kind !== 'binary') throw new Error('the environment names a server after all');
    binary = resolved.binary;
  });
  afterAll(async () => {
    await Runtime.instance().shutdown();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-temporal-'));
    dbFile = join(folder, 'temporal.db');
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<StartTemporalOptions> = {}): Promise<TemporalServer> {
    const server = await startTemporal({ binary, dbFile, port: await freePort(), ...options });
    running.push(server);
    return server;
  }

  async function failureOf(promise: Promise<unknown>): Promise<KeelsonError> {
    const reason: unknown = await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(reason).toBeInstanceOf(KeelsonError);
    return reason as KeelsonError;
  }

  /** Runs a worker for as long as `work` takes. */
  async function withWorker<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
    const native = await NativeConnection.connect({ address });
    const connection = await Connection.connect({ address });
    try {
      const worker = await Worker.create({ connection: native, taskQueue: TASK_QUEUE, workflowsPath: WORKFLOWS });
      return await worker.runUntil(work(new Client({ connection })));
    } finally {
      await connection.close();
      await native.close();
    }
  }

  test('a workflow that sleeps while its server is killed with -9 goes on after the restart', async () => {
    const port = await freePort();
    const first = await start({ port });
    await prepareNamespace({ address: first.address, namespace: 'default' });
    await withWorker(first.address, async (client) => {
      await client.workflow.start('sleeper', { workflowId: 'asleep', taskQueue: TASK_QUEUE, args: [4000] });
      for (;;) {
        const { historyLength } = await client.workflow.getHandle('asleep').describe();
        if (historyLength >= 5) break;
      }
    });
    process.kill(first.pid, 'SIGKILL');
    await first.exited;

    const second = await start({ port });
    const slept = await withWorker(second.address, (client) => client.workflow.getHandle('asleep').result());
    expect(slept).toBe(4000);
  });

  test('it ends in order when asked, with the official command’s flags alone as well', async () => {
    for (const exitsWithStdin of new Set([binary.exitsWithStdin, false])) {
      const server = await start({ binary: { ...binary, exitsWithStdin } });
      await server.stop();
      expect(await server.exited).toMatchObject({ code: 0 });
    }
  });

  test('it ends with the process that started it, even one killed with -9', async () => {
    const holder = spawn(process.execPath, [HOLD, dbFile, String(await freePort()), JSON.stringify(binary)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
    const server = identify((JSON.parse(line) as { pid: number }).pid);
    holder.kill('SIGKILL');
    expect(server && (await goneWithin(server, 8000))).toBe(true);
  });

  test('it remembers which server wrote the file, and an older one does not open it', async () => {
    const server = await start();
    await server.stop();
    expect(await versionThatWrote(dbFile)).toBe(binary.version);
    await writeFile(`${dbFile}.server.json`, JSON.stringify({ version: '99.0.0' }));
    const error = await failureOf(start());
    expect(error.failure.code).toBe('CONFIG_TEMPORAL');
    expect(error.message).toContain('written by server 99.0.0');
  });

  test('a taken port is said', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    try {
      const address = holder.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      expect((await failureOf(start({ port }))).message).toContain(String(port));
    } finally {
      holder.close();
    }
  });

  test('its UI is served', async () => {
    const uiPort = await freePort();
    const server = await start({ uiPort });
    const page = await fetch(server.uiAddress ?? '');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<html');
  });

  test('a server that is given is asked what it lacks; preparing it makes that, twice changes nothing', async () => {
    const server = await start();
    const env = { TEMPORAL_ADDRESS: server.address };
    const before = await externalServer(env);
    expect(before).toMatchObject({ address: server.address, namespace: 'default', version: binary.version });
    expect(before?.missing.join()).toMatch(/retention of 30 days.*KeelsonAccount.*KeelsonStatus/);
    for (const namespace of ['default', 'made-here', 'default']) await prepareNamespace({ address: server.address, namespace });
    expect((await externalServer(env))?.missing).toEqual([]);
    expect((await externalServer({ ...env, TEMPORAL_NAMESPACE: 'made-here' }))?.missing).toEqual([]);
  });

  test('an address where nobody answers is a configuration error, soon', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const error = await failureOf(externalServer({ TEMPORAL_ADDRESS: address }));
    expect(error.failure).toMatchObject({ code: 'CONFIG_TEMPORAL', values: { address } });
  });

  test.skipIf(shared?.timeSkipping !== true)('the server of the test run skips time', async () => {
    const month = 30 * 86_400_000;
    const slept = await withWorker(shared?.address ?? '', async (client) => {
      const workflowId = `month-${process.pid}`;
      await client.workflowService.startWorkflowExecution({
        namespace: 'default',
        workflowId,
        requestId: workflowId,
        workflowType: { name: 'sleeper' },
        taskQueue: { name: TASK_QUEUE },
        input: { payloads: [client.options.loadedDataConverter.payloadConverter.toPayload(month)] },
        timeSkippingConfig: { enabled: true },
      });
      return client.workflow.getHandle(workflowId).result();
    });
    expect(slept).toBe(month);
  });
});
