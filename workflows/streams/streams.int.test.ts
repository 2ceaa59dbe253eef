import { Client, WorkflowFailedError, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { untilStopped } from '../../activities/streams/until-stopped.js';
import { temporalIfAny, type TestTemporal } from '../../test/support/temporal.js';
import { workflowBundle } from '../../test/support/trading-stack.js';
import { eventually } from '../../test/support/eventually.js';

const temporal = await temporalIfAny();

interface Call {
  readonly worker: string;
  readonly values: readonly unknown[];
}

describe.skipIf(temporal === undefined)('the watches, on a real server', () => {
  const server = temporal as TestTemporal;
  let connection: NativeConnection;
  let client: Client;
  let taskQueue: string;
  const calls: Call[] = [];
  const workers = new Set<{ stop(): Promise<void> }>();

  beforeAll(async () => {
    connection = await NativeConnection.connect({ address: server.address });
    client = new Client({ connection, namespace: server.namespace });
  });
  afterAll(() => connection?.close());
  beforeEach(() => {
    taskQueue = `streams-${randomUUID()}`;
    calls.length = 0;
  });
  afterEach(async () => {
    for (const one of workers) await one.stop();
  });

  /** A worker whose streams last `runForMs`; `stop` is what its process does when it is told to end. */
  const work = async (name: string, runForMs: number): Promise<{ stop(): Promise<void> }> => {
    const stopping = new AbortController();
    const stream = async (...values: unknown[]): Promise<void> => {
      calls.push({ worker: name, values });
      await untilStopped({ stopping: stopping.signal, runForMs }, (signal) => {
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      });
    };
    const worker = await Worker.create({
      connection,
      namespace: server.namespace,
      taskQueue,
      workflowBundle: await workflowBundle(),
      activities: { streamBars: stream, streamAccount: stream },
      shutdownGraceTime: '5s',
    });
    const running = worker.run();
    const working = {
      async stop() {
        workers.delete(working);
        stopping.abort();
        worker.shutdown();
        await running;
      },
    };
    workers.add(working);
    return working;
  };
  const watchBars = (): Promise<WorkflowHandleWithFirstExecutionRunId> =>
    client.workflow.start('watchBars', { taskQueue, workflowId: randomUUID(), args: ['main', '1s'] });
  const called = (count: number): Promise<void> => eventually(() => expect(calls.length).toBeGreaterThanOrEqual(count));

  it('P32: a stream that returns begins again in a new run, with the same words', async () => {
    await work('one', 50);
    const watch = await watchBars();
    await called(3);
    const latest = client.workflow.getHandle(watch.workflowId);
    expect((await latest.describe()).runId).not.toBe(watch.firstExecutionRunId);
    expect(calls.slice(0, 3)).toEqual(Array(3).fill({ worker: 'one', values: ['main', '1s'] }));
    await latest.terminate();
  });

  it('a worker that stops hands its stream to another, in the same run', async () => {
    const one = await work('one', 60_000);
    const watch = await client.workflow.start('watchAccount', { taskQueue, workflowId: randomUUID(), args: ['main'] });
    await called(1);
    await one.stop();
    await work('other', 60_000);
    // A starved heartbeat gives a worker the same stream again.
    await eventually(() => expect(calls.at(-1)).toEqual({ worker: 'other', values: ['main'] }));
    expect(calls[0]).toEqual({ worker: 'one', values: ['main'] });
    expect((await watch.describe()).runId).toBe(watch.firstExecutionRunId);
    await watch.terminate();
  });

  it('a canceled watch ends when its stream has ended', async () => {
    await work('one', 60_000);
    const watch = await watchBars();
    await called(1);
    await watch.cancel();
    const error: unknown = await watch.result().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  });
});
