import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_FORM } from '../../core/protection/plan.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { bundleWith } from '../../test/support/edited-bundle.js';
import { eventually } from '../../test/support/eventually.js';
import { SIGNAL, VIEW } from '../../test/support/protected-view.js';
import { KEY } from '../../test/support/risk-view.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { workflowBundle } from '../../test/support/trading-stack.js';
import { createOwners } from './owners.js';
import { createWorkflowRuns } from './reconciliations.js';
import { isStuck } from './stuck-runs.js';

const LIMIT_MS = 120_000;
const MINUTE_MS = 60_000;
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('an owner whose task fails each time', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
  });
  afterAll(() => connection?.close());

  /** While it works owners with this code, this happens. */
  async function beside<T>(taskQueue: string, code: WorkflowBundle, happens: () => Promise<T>, others: object = {}): Promise<T> {
    const activities = { look: async () => VIEW, page: async () => undefined, ...others };
    const options = { connection, namespace: server.namespace, taskQueue, activities, maxCachedWorkflows: 0 };
    const worker = await Worker.create({ ...options, workflowBundle: code });
    return worker.runUntil(happens());
  }

  it(
    'owns nothing, and whoever finds the position uncovered begins another in its place; one that lives is left alone',
    async () => {
      const taskQueue = `stuck-${randomUUID()}`;
      const key = { ...KEY, account: taskQueue };
      const workflowId = ownerWorkflowId(key);
      const describeIt = () => client.workflow.getHandle(workflowId).describe();
      const rests = async (): Promise<string> => {
        const { historyLength, runId, raw } = await describeIt();
        if (raw.pendingWorkflowTask || historyLength < 6) throw new Error('it does not rest');
        return runId;
      };
      const soon = createOwners(client, Date.now, taskQueue);
      const later = () => Date.now() + MINUTE_MS;
      const owners = createOwners(client, later, taskQueue);
      const runs = createWorkflowRuns(client, later);

      const first = await beside(taskQueue, await workflowBundle(), async () => {
        expect(await soon.revive(key)).toBe(false);
        const runId = await eventually(rests, LIMIT_MS);
        expect(await owners.revive(key)).toBe(false);
        await eventually(rests, LIMIT_MS);
        return runId;
      });
      expect(await runs.owners([key])).toEqual(new Set([workflowId]));

      // Its history is of another code than this one.
      const other = await bundleWith({
        'workflows/protect-position/protect-position.ts': [
          ["let page = '';", "let page = '';\n  upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: ['x'] });"],
        ],
      });
      await beside(taskQueue, other, async () => {
        await soon.wake(key);
        await eventually(async () => expect(Number((await describeIt()).raw.pendingWorkflowTask?.attempt)).toBeGreaterThan(3), LIMIT_MS);
      });
      const { pendingWorkflowTask } = (await describeIt()).raw;
      expect(isStuck(pendingWorkflowTask, Date.now() - MINUTE_MS)).toBe(false);
      expect(isStuck(pendingWorkflowTask, later())).toBe(true);
      expect(await runs.owners([key])).toEqual(new Set());

      const second = await beside(taskQueue, await workflowBundle(), async () => {
        expect(await owners.revive(key)).toBe(true);
        return eventually(rests, LIMIT_MS);
      });
      expect(second).not.toBe(first);
      expect((await client.workflow.getHandle(workflowId, first).describe()).status.name).toBe('TERMINATED');
      expect(await runs.owners([key])).toEqual(new Set([workflowId]));
      await client.workflow.getHandle(workflowId).terminate();
    },
    LIMIT_MS,
  );

  it(
    'P20: that is ended with an exit which it had accepted: the call is no refusal, and asked again the next owner carries it out',
    async () => {
      const taskQueue = `ended-${randomUUID()}`;
      const signal = { ...SIGNAL, account: taskQueue };
      const workflowId = ownerWorkflowId(signal);
      const owners = createOwners(client, Date.now, taskQueue);
      const isAccepted = async (): Promise<void> => {
        const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
        expect(events?.some((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toBe(true);
      };
      const denied = { kind: 'denied', failures: [], form: EXIT_FORM };
      let answers: (answer: object) => void = () => undefined;
      const hangs = new Promise<object>((resolve) => (answers = resolve));
      await beside(
        taskQueue,
        await workflowBundle(),
        async () => {
          const failed = owners.exit(signal).catch((error: unknown) => error);
          await eventually(isAccepted, LIMIT_MS);
          // As a stuck run is ended; a second call waits for the same exit by then.
          const again = owners.exit(signal).catch((error: unknown) => error);
          await client.workflow.getHandle(workflowId).terminate('a test');
          expect(await Promise.all([failed, again])).toMatchObject([
            { failure: { code: 'INFRA_TEMPORAL' } },
            { failure: { code: 'INFRA_TEMPORAL' } },
          ]);
          // Its worker does not end over it.
          answers(denied);
        },
        { authoriseExit: () => hangs },
      );
      const asked = () => eventually(() => owners.exit(signal), LIMIT_MS);
      const outcome = await beside(taskQueue, await workflowBundle(), asked, {
        ...{ authoriseExit: async () => denied, abandon: async () => undefined },
      });
      expect(outcome).toMatchObject({ status: 'denied' });
      await client.workflow.getHandle(workflowId).terminate();
    },
    LIMIT_MS,
  );
});
