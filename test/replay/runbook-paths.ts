import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { Pool } from 'pg';
import { createRunbookActivities, type RunbookActivities } from '../../activities/runbook/index.js';
import { bound, type Look, type StepCode } from '../../activities/runbook/step-code.js';
import { createRunbookStore } from '../../adapters/store/runbook-store.js';
import { runbookWorkflowId, type StepSpec } from '../../core/runbook/spec.js';
import type { RunCommandKind, Waiting } from '../../core/runbook/status.js';
import { eventually } from '../support/eventually.js';
import { seedPerson } from '../support/people.js';

/** Runs of a runbook with a step that fails at its first try and one that a person signs. */
export interface RunbookPaths {
  readonly activities: RunbookActivities;
  /** Approved by another person, tried again, signed; or aborted at the failed step. */
  asked(client: Client, taskQueue: string, ending: 'signed' | 'aborted'): Promise<WorkflowHandle>;
  scheduled(client: Client, taskQueue: string): Promise<WorkflowHandle>;
  /** What a run would do, for whoever asks. */
  planned(client: Client, taskQueue: string): Promise<WorkflowHandle>;
  /** Waits for what people do elsewhere, calls them, and is told of it. */
  waited(client: Client, taskQueue: string): Promise<WorkflowHandle>;
}

type Nothing = Readonly<Record<string, never>>;

export function runbookPaths(pool: Pool, account: string): RunbookPaths {
  let fails = true;
  let isDone = false;
  const step = (name: string, change: Partial<StepSpec> = {}, look: () => Look = () => ({ isFine: true })): StepCode<object, Nothing> => ({
    spec: { name, title: `Step ${name}`, isCritical: true, timeoutMs: 10_000, hasUndo: true, signedWithinMs: null, ...change },
    action: () => Promise.resolve({ did: name }),
    verification: () => Promise.resolve(look()),
    undo: () => Promise.resolve(),
  });
  const common = { version: 1, title: 'A test', isScheduled: true, runsUnderHalt: false, resource: 'paths' };
  const steps = [
    step('one'),
    step('two', {}, () => (fails ? { isFine: false, found: 'not yet' } : { isFine: true })),
    step('three', { signedWithinMs: 600_000 }),
  ];
  const activities = createRunbookActivities({
    store: createRunbookStore(pool),
    actor: 'worker',
    stopping: new AbortController().signal,
    isUnderWay: () => Promise.resolve(true),
    runbooks: {
      morningChecks: bound<object, Nothing>({
        spec: { ...common, name: 'morningChecks', needsApproval: true },
        steps,
        reads: {},
        writes: {},
      }),
      eveningChecks: bound<object, Nothing>({
        spec: { ...common, name: 'eveningChecks', needsApproval: false },
        ...{ steps: [step('one')], reads: {}, writes: {} },
      }),
      reconciliationDiscrepancy: bound<object, Nothing>({
        spec: { ...common, name: 'reconciliationDiscrepancy', needsApproval: false, isScheduled: false },
        steps: [
          step('one', {}, () => (isDone ? { isFine: true } : { isFine: false, isWaiting: true, found: 'not yet', callAfterMs: 0 })),
          step('two'),
        ],
        ...{ reads: {}, writes: {} },
      }),
    },
  });
  const people = (async () => ({ ria: await seedPerson(pool, 'ria', ['operator']), ron: await seedPerson(pool, 'ron', ['risk']) }))();
  const waits = (handle: WorkflowHandle, waitingFor: Waiting | null, status = 'waitingForPerson'): Promise<void> =>
    eventually(async () => {
      const state = await handle.query<{ waitingFor: Waiting | null; status: string }>('state');
      if (state.waitingFor !== waitingFor || state.status !== status) throw new Error(`it is ${state.status}`);
    }, 30_000);
  return {
    activities,
    async asked(client, taskQueue, ending) {
      fails = true;
      const [{ ria, ron }, runId] = [await people, randomUUID()];
      const run = { runId, runbook: 'morningChecks', account, resource: `paths:${account}`, inputs: {}, reason: 'a test' };
      await pool.query('select ask_runbook($1)', [{ ...run, subject: 'ria', underKey: ria }]);
      const handle = await client.workflow.start('runbook', { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
      const tell = async (kind: RunCommandKind, position: number | null): Promise<void> => {
        const command = { commandId: randomUUID(), runId, kind, position, reason: 'a test', subject: 'ria', underKey: ria };
        await pool.query('select command_runbook($1)', [command]);
        await handle.executeUpdate('command', { args: [{ commandId: command.commandId }] });
      };
      await waits(handle, null, 'waitingForApproval');
      await pool.query(
        `select decide_approval(jsonb_build_object('requestId', request_id, 'payloadHash', encode(payload_sha256, 'hex'), 'subject', 'ron',
           'decision', 'approved', 'reason', 'seen', 'keyId', $2::text)) from approval_requests where request_id = $1`,
        [runId, ron],
      );
      await handle.signal('decided');
      await waits(handle, 'failed');
      if (ending === 'aborted') await tell('abort', null);
      else {
        fails = false;
        await tell('retry', 1);
        await waits(handle, 'signature');
        await tell('sign', 2);
      }
      return handle;
    },
    async waited(client, taskQueue) {
      isDone = false;
      const runId = randomUUID();
      const run = { runId, runbook: 'reconciliationDiscrepancy', account, resource: `waits:${account}`, inputs: {}, reason: 'a test' };
      await pool.query('select ask_runbook($1)', [run]);
      const handle = await client.workflow.start('runbook', { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
      await waits(handle, 'elsewhere');
      isDone = true;
      await handle.signal('changed');
      return handle;
    },
    planned: (client, taskQueue) =>
      client.workflow.start('planRunbook', {
        ...{ taskQueue, workflowId: `plan-${randomUUID()}` },
        args: [{ runId: randomUUID(), runbook: 'morningChecks', account, subject: 'ria' }],
      }),
    scheduled: (client, taskQueue) =>
      client.workflow.start('scheduledRunbook', {
        ...{ taskQueue, workflowId: `scheduled-${randomUUID()}`, args: [{ runbook: 'eveningChecks', account, inputs: {} }] },
      }),
  };
}
