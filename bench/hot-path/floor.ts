import { fileURLToPath } from 'node:url';
import { Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { WorkerProcess } from '../../workers/composition/process.js';
import { now, type FloorStamps } from './stamps.js';

const TASK_QUEUE = 'floor';
/** A commit of its own, and no table. */
const WRITE = { name: 'floor_write', text: `select pg_logical_emit_message(true, 'floor', 'x')` };

export interface Floor {
  /** Starts one. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The floor on the same server, connection and process as the trading worker: an eager start until a local activity that
 * does nothing is entered; and on, until what an order needs of Postgres in any case is written.
 */
export async function openFloor(process: WorkerProcess, seen: (stamps: FloorStamps) => void): Promise<Floor> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const workflowsPath = fileURLToPath(new URL('./floor-workflow.js', import.meta.url));
  const entered = new Map<string, (at: number) => void>();
  const worker = await Worker.create({
    connection: process.connection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger: quiet }),
    activities: {
      async enter(id: string) {
        entered.get(id)?.(now());
        entered.delete(id);
      },
    },
  });
  const running = worker.run();
  let started = 0;
  return {
    async start() {
      started += 1;
      const workflowId = `floor-${started}`;
      const entering = new Promise<number>((resolve) => entered.set(workflowId, resolve));
      const startCalled = now();
      await process.client.workflow.start('floor', {
        taskQueue: TASK_QUEUE,
        workflowId,
        args: [workflowId],
        requestEagerStart: true,
        workflowTaskTimeout: '5s',
      });
      const startAnswered = now();
      const enteredAt = await entering;
      for (let count = 0; count < 2; count += 1) await process.pool.query(WRITE);
      seen({ startCalled, startAnswered, entered: enteredAt, written: now() });
    },
    async close() {
      worker.shutdown();
      await running;
    },
  };
}
