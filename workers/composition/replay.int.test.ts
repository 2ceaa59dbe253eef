import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundleEdited } from '../../test/support/edited-bundle.js';
import { eventually } from '../../test/support/eventually.js';
import { workflowBundle } from '../../test/support/workflow-bundle.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { replayOpenRuns } from './replay.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 180_000;
vi.setConfig({ testTimeout: LIMIT_MS });

describe.skipIf(temporal === undefined)('P32: open runs and a new build', () => {
  const taskQueue = `replay-${randomUUID()}`;
  const workflowId = `watch:${taskQueue}`;
  let connection: NativeConnection;
  let client: Client;

  /** A run that an earlier build has begun, with nobody at work: no worker takes up its activity. */
  beforeAll(async () => {
    if (temporal === undefined) return;
    const { address, namespace } = temporal;
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle() });
    await worker.runUntil(async () => {
      const handle = await client.workflow.start('watchAccount', { taskQueue, workflowId, args: ['main'] });
      await eventually(async () => assert((await handle.describe()).raw.pendingActivities?.length === 1, 'its activity waits'), 60_000);
    });
    // What is listed follows what is.
    const isListed = async (): Promise<void> =>
      assert((await replayOpenRuns(client, await workflowBundle(), [taskQueue])).runs === 1, 'the run is listed');
    await eventually(isListed, 60_000);
  }, LIMIT_MS);
  afterAll(async () => {
    await client?.workflow.getHandle(workflowId).terminate();
    await connection?.close();
  });

  it('go on with a build that continues them', async () => {
    expect(await replayOpenRuns(client, await workflowBundle(), [taskQueue])).toEqual({ runs: 1, failed: [] });
    expect(await replayOpenRuns(client, await workflowBundle(), ['nobody'])).toEqual({ runs: 0, failed: [] });
  });

  it('are named where a build does something else, or knows them no more', async () => {
    const edit = ['await streamAccount(account);', `await streamBars(account, '1s');`] as const;
    const edited = await bundleEdited('workflows/streams/streams.ts', [edit]);
    expect(await replayOpenRuns(client, edited, [taskQueue])).toEqual({
      runs: 1,
      failed: [{ workflowId, reason: expect.stringMatching(/nondeterminism/i) as string }],
    });
    const renamed = await bundleEdited('workflows/streams/streams.ts', [
      ['function watchAccount', 'function watchAnything'],
      ['typeof watchAccount', 'typeof watchAnything'],
    ]);
    expect((await replayOpenRuns(client, renamed, [taskQueue])).failed).toHaveLength(1);
  });
});
