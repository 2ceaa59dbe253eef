import { Client } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { bundleWith } from '../../test/support/edited-bundle.js';
import { eventually } from '../../test/support/eventually.js';
import { VIEW } from '../../test/support/protected-view.js';
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
  async function beside<T>(taskQueue: string, code: WorkflowBundleWithSourceMap, happens: () => Promise<T>): Promise<T> {
    const activities = { look: async () => VIEW, page: async () => undefined };
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
});
