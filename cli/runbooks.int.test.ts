import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRunbookActivities } from '../activities/runbook/index.js';
import { bound, type Look, type StepCode } from '../activities/runbook/step-code.js';
import { openPool } from '../adapters/store/pool.js';
import { createRunbookStore } from '../adapters/store/runbook-store.js';
import { temporalControl } from '../api/control/temporal-control.js';
import type { Run, RunPart } from '../api/read/runbooks.js';
import { RUNBOOK_SPECS } from '../core/runbook/registry.js';
import { runbookWorkflowId } from '../core/runbook/spec.js';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../test/support/api.js';
import { eventually } from '../test/support/eventually.js';
import { workflowBundle } from '../test/support/workflow-bundle.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { temporalIfAny } from '../test/support/temporal.js';
import { EXIT } from './exit.js';
import { runCommandLine } from './program.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 300_000 });
const FINE: Look = { isFine: true };
type Writes = { readonly set: (name: string, account: string) => Promise<void> };

describe.skipIf(temporal === undefined)('a runbook as people carry it, by command line and HTTP, on a real server and ledger', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const taskQueue = `runbooks-${randomUUID()}`;
  const home = mkdtempSync(join(tmpdir(), 'keelson-runbooks-'));
  let store: TestDatabase;
  let pool: ReturnType<typeof openPool>;
  let native: NativeConnection;
  let connection: Connection;
  let worker: Worker;
  let running: Promise<void>;
  let api: ApiUnderTest;
  /** What the run works on, and what it did, in order. */
  let did: string[] = [];
  let look: Record<string, Look> = {};
  let held: Promise<void> = Promise.resolve();

  const step = (name: string): StepCode<object, Writes> => ({
    spec: { name, title: `Step ${name}`, isCritical: true, timeoutMs: 60_000, hasUndo: true, signedWithinMs: null },
    precondition: () => Promise.resolve(look[name] ?? FINE),
    action: async ({ account }, _reads, { set }) => {
      await set(name, account);
      return { set: name };
    },
    undo: (_run, _reads, _writes, output) => Promise.resolve(void did.push(`undo ${name}, ${output === null ? 'not done' : 'done'}`)),
  });

  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    await seedTrading(store.pool);
    pool = openPool(store.url, { applicationName: 'test' });
    native = await NativeConnection.connect({ address });
    connection = await Connection.connect({ address });
    const runbook = bound<object, Writes>({
      spec: RUNBOOK_SPECS.gracefulShutdown,
      steps: ['one', 'two', 'three', 'four'].map(step),
      reads: {},
      writes: {
        set: async (name) => {
          did.push(`set ${name}`);
          if (name === 'one') await held;
        },
      },
    });
    const activities = createRunbookActivities({
      store: createRunbookStore(pool),
      runbooks: { gracefulShutdown: runbook },
      actor: 'a worker',
      stopping: new AbortController().signal,
      isUnderWay: () => Promise.resolve(true),
    });
    worker = await Worker.create({ connection: native, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
    running = worker.run();
    api = apiUnderTest(store, { control: temporalControl({ connection: { address }, namespace, taskQueue, answerLimitMs: 60_000 }) });
    const listening = await api.server.listen({ host: '127.0.0.1', port: 0 });
    mkdirSync(join(home, 'keys'), { mode: 0o700 });
    for (const [person, key] of Object.entries(KEYS)) {
      writeFileSync(join(home, person === 'owner' ? 'owner-key' : `keys/${person}`), `${key}\n`, { mode: 0o600 });
    }
    const addresses = { api: listening, temporal: '', metrics: {} };
    writeFileSync(join(home, 'run.json'), JSON.stringify({ pid: 1, since: 0, addresses, pids: {} }));
  });
  beforeEach(() => {
    [did, look, held] = [[], {}, Promise.resolve()];
  });
  afterAll(async () => {
    await api?.close();
    worker?.shutdown();
    await running;
    await native?.close();
    await connection?.close();
    await pool?.end();
    await store?.drop();
    rmSync(home, { recursive: true, force: true });
  });

  /** The ids that the command line makes, in their order. */
  let ids: string[] = [];
  const keelson = async (person: string, ...line: readonly string[]) => {
    const result = { exitCode: 0, out: '', error: '' };
    result.exitCode = await runCommandLine(['runbooks', ...line, '--as', person], {
      ...{ env: { KEELSON_HOME: home }, root: home, now: Date.now },
      newId: () => ids.shift() ?? randomUUID(),
      out: (text) => void (result.out += text),
      error: (text) => void (result.error += text),
    });
    return result;
  };
  const post = (key: string, kind: string, body: object): Promise<Answer> =>
    askAs(api.server, key, 'POST', `/v1/runbooks/${kind}`, { reason: 'over HTTP', ...body });
  const show = async (runId: string): Promise<{ run: Run; parts: RunPart[] }> =>
    (await askAs(api.server, KEYS.viewer, 'GET', `/v1/runbooks/run?runId=${runId}`)).body as unknown as { run: Run; parts: RunPart[] };
  const until = (runId: string, expected: Partial<Run>): Promise<void> =>
    eventually(async () => expect((await show(runId)).run).toMatchObject(expected), 60_000);

  test('planned, begun, paused, resumed, a step tried again, one left out, and aborted: each by who may, under a name', async () => {
    const runId = randomUUID();
    ids = [runId];
    const plan = await keelson('operator', 'plan', 'gracefulShutdown', '--account', 'main');
    const steps = ['one', 'two', 'three', 'four'].map((name, index) => `  ${index + 1} ${name}: Step ${name}\n      set ${name} main\n`);
    const [, hash] = /\nPlan ([0-9a-f]{64})\. /.exec(plan.out) ?? [];
    expect(plan).toEqual({
      ...{ exitCode: EXIT.done, error: '' },
      out:
        `gracefulShutdown of main, version ${RUNBOOK_SPECS.gracefulShutdown.version}: what it would do now. Nothing was changed.\n${steps.join('')}` +
        `Plan ${hash}. Nobody else has to approve it.\nkeelson runbooks run gracefulShutdown --account main --run ${runId} --reason …\n`,
    });
    expect(did).toEqual([]);
    expect((await keelson('trader', 'plan', 'gracefulShutdown', '--account', 'main')).exitCode).toBe(EXIT.refused);

    let release = (): void => undefined;
    held = new Promise((resolve) => (release = resolve));
    look = {
      two: { isFine: false, found: 'two is shut' },
      three: { isFine: false, found: 'there is no three' },
      four: { isFine: false, found: 'no' },
    };
    const begun = await keelson('operator', 'run', 'gracefulShutdown', '--account', 'main', '--run', runId, '--reason', 'maintenance');
    expect(begun).toMatchObject({ exitCode: EXIT.done, out: expect.stringContaining('gracefulShutdown of main, asked by operator at ') });
    await eventually(() => expect(did).toEqual(['set one']), 60_000);

    // Paused over HTTP: the step that it is at ends, and no other begins.
    expect(await post(KEYS.trader, 'pause', { runId })).toMatchObject({ status: 403 });
    expect(await post(KEYS.operator, 'pause', { runId })).toMatchObject({ status: 200 });
    release();
    await until(runId, { status: 'paused', planSha256: hash ?? '' });
    expect(did).toEqual(['set one']);
    // Resumed by the command line, it comes to a step that fails.
    expect(await keelson('viewer', 'resume', runId, '--reason', 'go on')).toMatchObject({ exitCode: EXIT.refused });
    expect(await keelson('operator', 'resume', runId, '--reason', 'go on')).toEqual({
      ...{ exitCode: EXIT.done, error: '' },
      out: `Told: resume. See keelson runbooks show ${runId}.\n`,
    });
    await until(runId, { status: 'waitingForPerson', detail: 'two is shut' });
    // A resume of what is not paused, and a step that it is not at, are refused by both.
    expect(await post(KEYS.operator, 'retry', { runId, step: 3 })).toMatchObject({ status: 409, body: { code: 'INPUT_RUNBOOK_COMMAND' } });
    const wrong = await keelson('operator', 'retry', runId, '1', '--reason', 'once more');
    expect(wrong).toMatchObject({ exitCode: EXIT.refused, error: expect.stringContaining(`Run ${runId} cannot retry now`) });
    // Tried again in vain by the one, and with success by the other.
    expect(await keelson('operator', 'retry', runId, '2', '--reason', 'once more')).toMatchObject({ exitCode: EXIT.done });
    const tries = async (): Promise<number> =>
      (await show(runId)).parts.filter(({ step, outcome }) => step === 2 && outcome === 'failed').length;
    await eventually(async () => expect(await tries()).toBe(2), 60_000);
    await until(runId, { status: 'waitingForPerson', detail: 'two is shut' });
    look = { ...look, two: FINE };
    expect(await post(KEYS.operator, 'retry', { runId, step: 2 })).toMatchObject({ status: 200 });
    await until(runId, { status: 'waitingForPerson', detail: 'there is no three' });
    // Left out: by a risk officer, whoever else keeps the machines.
    expect(await post(KEYS.operator, 'skip', { runId, step: 3 })).toMatchObject({ status: 403 });
    expect(await keelson('operator', 'skip', runId, '3', '--reason', 'not needed')).toMatchObject({ exitCode: EXIT.refused });
    expect(await keelson('risk', 'skip', runId, '3', '--reason', 'not needed')).toMatchObject({ exitCode: EXIT.done });
    await until(runId, { status: 'waitingForPerson', detail: 'no' });
    // Aborted: it is taken back, the last first; what had only begun may have been done in part.
    expect(await post(KEYS.operator, 'abort', { runId })).toMatchObject({ status: 200 });
    await until(runId, { status: 'aborted', detail: 'aborted by operator: over HTTP' });
    const undone = ['undo four, not done', 'undo three, not done', 'undo two, done', 'undo one, done'];
    expect(did).toEqual(['set one', 'set two', ...undone]);
    const handle = new Client({ connection, namespace }).workflow.getHandle(runbookWorkflowId(runId));
    expect(await handle.result()).toMatchObject({ status: 'aborted' });
    expect((await store.pool.query('select from runbook_locks')).rowCount).toBe(0);
    expect(await keelson('operator', 'resume', runId, '--reason', 'go on')).toMatchObject({ exitCode: EXIT.refused });

    // All of it is told to people, with how long each part took, and is in the audit under its name.
    const { out } = await keelson('viewer', 'show', runId);
    const told = out.slice(out.indexOf('Done:\n') + 'Done:\n'.length);
    expect(told.replaceAll(/, \d+ ms/g, ', took').split('\n')).toEqual([
      '  1 one: precondition done by a worker, took',
      '  1 one: action done by a worker, took',
      '    set: one',
      '  2 two: precondition failed by a worker, took: two is shut',
      '  2 two: precondition failed, try 2 by a worker, took: two is shut',
      '  2 two: precondition done, try 3 by a worker, took',
      '  2 two: action done, try 3 by a worker, took',
      '    set: two',
      '  3 three: precondition failed by a worker, took: there is no three',
      '  3 three: skip done by risk, took: not needed',
      '  4 four: precondition failed by a worker, took: no',
      '  4 four: undo done by a worker, took',
      '  3 three: undo done by a worker, took',
      '  2 two: undo done, try 3 by a worker, took',
      '  1 one: undo done by a worker, took',
      '',
    ]);
    const { rows } = await store.pool.query<{ told: string }>(
      `select kind || ' ' || subject || ': ' || reason as told from runbook_commands where run_id = $1 and applied_at is not null order by created_at`,
      [runId],
    );
    expect(rows.map((row) => row.told)).toEqual([
      ...['pause operator: over HTTP', 'resume operator: go on', 'retry operator: once more', 'retry operator: over HTTP'],
      ...['skip risk: not needed', 'abort operator: over HTTP'],
    ]);
  });
});
