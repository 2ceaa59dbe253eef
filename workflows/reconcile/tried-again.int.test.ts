import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Looked } from '../../activities/reconcile/look.js';
import type { ReconcileRun } from '../../activities/ports/reconcile.js';
import { RECONCILE, type ReconcileScope } from '../../core/reconcile/rules.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { ACCOUNT, workflowBundle } from '../../test/support/trading-stack.js';
import type { ReconcileOutcome } from './reconcile-account.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });
const LOOKED = { differences: 0, calls: 1, weight: 1 };

describe.skipIf(temporal?.timeSkipping !== true)('a full comparison that could not be made', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const taskQueue = `full-${randomUUID()}`;
  let connection: NativeConnection;
  let client: Client;
  let worker: Worker;
  let running: Promise<void>;
  /** What each look of a run answers, one after the other; the last one again and again. */
  let answers: (Looked['result'] | 'away')[];
  let looked: ReconcileRun[];
  let failed: string[];

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
    const activities = {
      async reconcile(run: ReconcileRun): Promise<Looked> {
        looked.push(run);
        const [answer = 'clean'] = answers.length > 1 ? answers.splice(0, 1) : answers;
        if (answer === 'away') throw ApplicationFailure.nonRetryable('it does not answer', 'VENUE_UNAVAILABLE');
        return { ...LOOKED, result: answer };
      },
      reconcileFailed: async ({ runId }: ReconcileRun): Promise<void> => void failed.push(runId),
    };
    worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
    running = worker.run();
  });
  afterAll(async () => {
    worker?.shutdown();
    await running;
    await connection?.close();
  });

  /** Runs it on a server that skips the waits. @returns its outcome and how long it took by the server's clock */
  const run = async (scope: ReconcileScope, ...given: typeof answers): Promise<ReconcileOutcome & { readonly tookMs: number }> => {
    [answers, looked, failed] = [given, [], []];
    const workflowId = randomUUID();
    // The client has no option for the server's skipping of time; the message of its protocol has.
    await client.workflowService.startWorkflowExecution({
      ...{ namespace, workflowId, requestId: randomUUID(), workflowType: { name: 'reconcileAccount' }, taskQueue: { name: taskQueue } },
      ...{ input: { payloads: [defaultPayloadConverter.toPayload({ account: ACCOUNT, scope })] }, timeSkippingConfig: { enabled: true } },
    });
    const handle = client.workflow.getHandle(workflowId);
    const outcome = (await handle.result()) as ReconcileOutcome;
    const { startTime, closeTime } = await handle.describe();
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await handle.fetchHistory(), workflowId);
    return { ...outcome, tookMs: (closeTime?.getTime() ?? 0) - startTime.getTime() };
  };

  it('since the venue had sent us away for a moment, or did not answer, is made ten minutes later, as a run of its own', async () => {
    const { result, runId, tookMs } = await run('day', 'postponed', 'away', 'unsettled', 'clean');
    expect(result).toBe('clean');
    const runs = looked.map((one) => one.runId);
    expect(new Set(runs).size).toBe(3);
    expect(runs.slice(2)).toEqual([runId, runId]);
    expect(failed).toEqual([runs[1]]);
    expect(tookMs).toBeGreaterThanOrEqual(2 * RECONCILE.againMs);
  });

  it('is left to the next day in the end, and what is found is no reason to look again', async () => {
    expect(await run('day', 'postponed')).toMatchObject({ result: 'postponed' });
    expect(looked).toHaveLength(RECONCILE.mostTries);
    expect(await run('day', 'differences')).toMatchObject({ result: 'differences' });
    expect(looked).toHaveLength(1);
  });

  it.each(['minute', 'hour', 'deepDemand'] as const)(
    'is the day’s only: of %s the next one is soon enough, or a person asks again',
    async (scope) => {
      expect(await run(scope, 'postponed')).toMatchObject({ result: 'postponed' });
      expect(looked).toHaveLength(1);
    },
  );
});
