import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createRunbookActivities, type RunbookActivities } from '../../activities/runbook/index.js';
import type { BoundRunbook } from '../../activities/runbook/step-code.js';
import { openPool } from '../../adapters/store/pool.js';
import { createRunbookStore } from '../../adapters/store/runbook-store.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import type { RunCommandKind } from '../../core/runbook/status.js';
import { runUnderWay } from '../../workers/composition/runbooks.js';
import type { RunbookEnd, RunbookState } from '../../workflows/operations/runbook/messages.js';
import { eventually } from './eventually.js';
import { workflowBundle } from './workflow-bundle.js';
import { seedPerson } from './people.js';
import { testDatabase, type TestDatabase } from './postgres.js';
import type { TestTemporal } from './temporal.js';
import { ThreeSteps } from './three-steps.js';

/** The frame of runbooks on a real server and ledger: account `main`, olga (operator) and rik (risk), and a worker for one runbook at a time. */
export class RunbookBench {
  at = new ThreeSteps();
  taskQueue = '';
  readonly keys: Record<string, string> = {};
  /** Runs that a test has begun: they are ended with it. */
  readonly open: WorkflowHandle[] = [];
  private parts: { database: TestDatabase; pool: ReturnType<typeof openPool>; connection: NativeConnection; client: Client } | undefined;
  private running: { worker: Worker; ended: Promise<void> } | undefined;

  readonly begin = async (temporal: TestTemporal | undefined): Promise<void> => {
    if (temporal === undefined) throw new Error('without a server there are no such tests');
    const { address, namespace } = temporal;
    const database = await testDatabase();
    const pool = openPool(database.url, { applicationName: 'test' });
    await database.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
    await database.pool.query(`insert into control (account) values ('main')`);
    this.keys['olga'] = await seedPerson(database.pool, 'olga', ['operator']);
    this.keys['rik'] = await seedPerson(database.pool, 'rik', ['risk']);
    const connection = await NativeConnection.connect({ address });
    this.parts = { database, pool, connection, client: new Client({ connection, namespace }) };
  };

  readonly close = async (): Promise<void> => {
    await this.parts?.connection.close();
    await this.parts?.pool.end();
    await this.parts?.database.drop();
  };

  /** Before each test. */
  readonly renew = (): ThreeSteps => {
    this.taskQueue = `runbook-${randomUUID()}`;
    return (this.at = new ThreeSteps());
  };

  /** After each test. */
  readonly clear = async (): Promise<void> => {
    this.at.releaseAll();
    for (const handle of this.open.splice(0)) await handle.terminate('the test is over').catch(() => undefined);
    await this.stopWorker();
    await this.there.database.pool.query(
      'delete from runbook_locks; update latches set released_at = clock_timestamp() where released_at is null',
    );
  };

  get client(): Client {
    return this.there.client;
  }

  readonly work = async (
    runbook: BoundRunbook,
    bundle?: Awaited<ReturnType<typeof workflowBundle>>,
    wrap: (activities: RunbookActivities) => RunbookActivities = (activities) => activities,
    monotonic: () => number = () => performance.now(),
  ): Promise<void> => {
    const { pool, client, connection } = this.there;
    const activities = createRunbookActivities({
      store: createRunbookStore(pool),
      runbooks: { morningChecks: runbook },
      actor: 'test',
      stopping: new AbortController().signal,
      isUnderWay: runUnderWay(client, Date.now),
      monotonic,
    });
    const worker = await Worker.create({
      connection,
      namespace: client.options.namespace,
      taskQueue: this.taskQueue,
      workflowBundle: bundle ?? (await workflowBundle()),
      activities: wrap(activities),
    });
    this.running = { worker, ended: worker.run() };
  };

  readonly stopWorker = async (): Promise<void> => {
    const running = this.running;
    this.running = undefined;
    running?.worker.shutdown();
    await running?.ended;
  };

  readonly query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await this.there.database.pool.query<Row>(text, values)).rows;

  get database(): TestDatabase['pool'] {
    return this.there.database.pool;
  }

  /** Each statement that needs this table takes longer than it may. @returns what ends that */
  readonly refuse = async (table: string): Promise<() => Promise<void>> => {
    const connection = await this.database.connect();
    await connection.query(`begin; lock table ${table} in access exclusive mode`);
    return async () => {
      await connection.query('rollback');
      connection.release();
    };
  };

  /** Olga asks for a run, and its workflow is started. */
  readonly ask = async (runId: string = randomUUID(), inputs: object = { n: 1 }): Promise<WorkflowHandle> => {
    const run = { runId, runbook: 'morningChecks', account: 'main', resource: 'test:main', inputs, reason: 'a test' };
    const [row] = await this.query<{ answer: string }>('select ask_runbook($1) as answer', {
      ...{ ...run, subject: 'olga', underKey: this.keys['olga'] },
    });
    if (row?.answer !== 'asked') throw new Error(`the run is ${row?.answer}`);
    return this.start('runbook', runbookWorkflowId(runId), runId);
  };

  readonly start = async (type: string, workflowId: string, ...args: readonly unknown[]): Promise<WorkflowHandle> => {
    const handle = await this.client.workflow.start(type, { taskQueue: this.taskQueue, workflowId, args: [...args] });
    this.open.push(handle);
    return handle;
  };

  /** As a schedule starts one. */
  readonly startScheduled = (): Promise<WorkflowHandle> =>
    this.start('scheduledRunbook', randomUUID(), { runbook: 'morningChecks', account: 'main', inputs: {} });

  readonly runIdOf = (handle: WorkflowHandle): string => handle.workflowId.slice('runbook:'.length);
  readonly state = (handle: WorkflowHandle): Promise<RunbookState> => handle.query('state');
  readonly until = (handle: WorkflowHandle, expected: Partial<RunbookState>): Promise<void> =>
    eventually(async () => {
      const state = await this.state(handle);
      const differs = Object.entries(expected).filter(([name, value]) => !isDeepStrictEqual(state[name as keyof RunbookState], value));
      if (differs.length > 0) throw new Error(`not yet ${JSON.stringify(expected)}: ${JSON.stringify(state)}`);
    }, 30_000);
  readonly endOf = (handle: WorkflowHandle): Promise<RunbookEnd> => handle.result() as Promise<RunbookEnd>;
  readonly message = (handle: WorkflowHandle, commandId: string): Promise<unknown> =>
    handle.executeUpdate('command', { args: [{ commandId }] });

  readonly tell = async (
    handle: WorkflowHandle,
    kind: RunCommandKind,
    position?: number,
    subject = 'olga',
    commandId: string = randomUUID(),
  ): Promise<unknown> => {
    const row = { commandId, runId: this.runIdOf(handle), kind, position: position ?? null, reason: 'a test', subject };
    const [answer] = await this.query<{ answer: string }>('select command_runbook($1) as answer', { ...row, underKey: this.keys[subject] });
    if (answer?.answer !== 'written') throw new Error(`the command is ${answer?.answer}`);
    return this.message(handle, commandId);
  };

  readonly decide = async (handle: WorkflowHandle, subject = 'rik', decision = 'approved'): Promise<string | undefined> => {
    const rows = await this.query<{ answer: string }>(
      `select decide_approval(jsonb_build_object('requestId', request_id, 'payloadHash', encode(payload_sha256, 'hex'), 'subject', $2::text,
         'decision', $3::text, 'reason', 'seen', 'keyId', $4::text)) as answer from approval_requests where request_id = $1`,
      this.runIdOf(handle),
      subject,
      decision,
      this.keys[subject],
    );
    await handle.signal('decided');
    return rows[0]?.answer;
  };

  private get there(): NonNullable<RunbookBench['parts']> {
    if (this.parts === undefined) throw new Error('the bench was not begun');
    return this.parts;
  }
}
