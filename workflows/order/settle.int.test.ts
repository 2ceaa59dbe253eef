import { Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mapped } from '../../activities/failures.js';
import type { CommonOrderActivities } from '../../activities/order/index.js';
import { KeelsonError } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { bundleEdited } from '../../test/support/edited-bundle.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { ACCOUNT, INSTRUMENT, workflowBundle } from '../../test/support/trading-stack.js';

const HALF_AN_HOUR_MS = 1_800_000;
const SECOND_MS = 1_000;
const ORDER = {
  intentId: 'the-intent',
  clientOrderId: 'c1',
  account: ACCOUNT,
  instrument: INSTRUMENT,
  side: 'buy',
  status: 'unknown',
  quantity: '1',
  price: '1',
  executedQuantity: '0',
  executedNotional: '0',
  venueOrderId: null,
  venueStatus: null,
  venueExecutedQuantity: null,
  failures: [],
  isFinal: false,
} as unknown as StoredOrder;
const notPlaced = { order: { ...ORDER, status: 'notPlaced', isFinal: true }, isSettled: true, waitMs: 0 } as const;

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('settling ends with proof only', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;
  let taskQueue: string;
  let worker: Worker;
  let running: Promise<void>;
  let steps: Partial<CommonOrderActivities>;
  const calls: string[] = [];

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
  });
  afterAll(() => connection?.close());
  const work = async (workflowCode: Promise<WorkflowBundle>): Promise<void> => {
    taskQueue = `settle-${randomUUID()}`;
    calls.length = 0;
    const step =
      (name: keyof CommonOrderActivities) =>
      async (...values: unknown[]) => {
        calls.push(name);
        return mapped(steps[name] as (...given: unknown[]) => Promise<unknown>, 'untilDone')(...values);
      };
    worker = await Worker.create({
      connection,
      namespace: server.namespace,
      taskQueue,
      workflowBundle: await workflowCode,
      activities: { resolve: step('resolve') },
    });
    running = worker.run();
  };
  afterEach(async () => {
    worker.shutdown();
    await running;
  });

  it('a refused key and a database that is away end no run: both can be mended', async () => {
    await work(workflowBundle());
    steps = {
      resolve: async () => {
        if (calls.length === 1) throw new KeelsonError('VENUE_AUTH', { venue: 'paper', account: ACCOUNT, detail: 'revoked' });
        if (calls.length === 2) throw new KeelsonError('INFRA_DATABASE', { detail: 'away' });
        return notPlaced;
      },
    };
    const outcome: unknown = await client.workflow.execute('settleOrder', { taskQueue, workflowId: randomUUID(), args: ['the-intent'] });
    expect(outcome).toEqual({ intentId: 'the-intent', status: 'notPlaced', executedQuantity: '0', codes: [] });
    expect(calls).toHaveLength(3);
  });

  it('a run that becomes too long goes on in a new one', async () => {
    // A limit of 2,000 events would take a minute to reach.
    await work(bundleEdited('workflows/order/settle.ts', [['HISTORY_LIMIT = 2_000', 'HISTORY_LIMIT = 60']]));
    steps = { resolve: async () => (calls.length > 12 ? notPlaced : { order: ORDER, isSettled: false, waitMs: 1 }) };
    const handle = await client.workflow.start('settleOrder', { taskQueue, workflowId: randomUUID(), args: ['the-intent'] });
    expect(await handle.result()).toMatchObject({ status: 'notPlaced' });
    const last = await client.workflow.getHandle(handle.workflowId).describe();
    expect(last).toMatchObject({ type: 'settleOrder', status: { name: 'COMPLETED' } });
    expect(last.runId).not.toBe(handle.firstExecutionRunId);
  });

  it.skipIf(temporal?.timeSkipping !== true)('a venue out of reach for half an hour is asked with backoff until it answers', async () => {
    await work(workflowBundle());
    /** The server's time of each try; it skips the waits, so that half an hour takes seconds. */
    const times: number[] = [];
    steps = {
      resolve: async () => {
        times.push(Context.current().info.currentAttemptScheduledTimestampMs);
        const elapsedMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
        if (elapsedMs > HALF_AN_HOUR_MS) return notPlaced;
        // Out of reach first; then it answers only to say how long it wants to be left alone.
        if (elapsedMs < 60 * SECOND_MS) throw new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'order', detail: 'gone' });
        throw new KeelsonError('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 60 * SECOND_MS });
      },
    };
    const workflowId = randomUUID();
    // The client has no option for the server's skipping of time; the message of its protocol has.
    await client.workflowService.startWorkflowExecution({
      namespace: server.namespace,
      workflowId,
      requestId: randomUUID(),
      workflowType: { name: 'settleOrder' },
      taskQueue: { name: taskQueue },
      input: { payloads: [defaultPayloadConverter.toPayload('the-intent')] },
      timeSkippingConfig: { enabled: true },
    });
    expect(await client.workflow.getHandle(workflowId).result()).toMatchObject({ status: 'notPlaced' });

    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits[0]).toBeLessThan(5 * SECOND_MS);
    const whileGone = waits.filter((wait) => wait < 50 * SECOND_MS);
    expect(Math.max(...whileGone)).toBeGreaterThan(9 * SECOND_MS);
    expect(Math.max(...whileGone)).toBeLessThan(15 * SECOND_MS);
    expect(waits.length - whileGone.length).toBeGreaterThan(25);
  });
});
