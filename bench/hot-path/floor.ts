import { fileURLToPath } from 'node:url';
import { Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { WorkerProcess } from '../../workers/composition/process.js';
import { now, type FloorStamps } from './stamps.js';

const TASK_QUEUE = 'floor';

export interface Floor {
  /** Starts one. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The floor on the same server, connection and process as the trading worker: an eager start until a local activity that
 * does nothing is entered.
 */
export async function openFloor(process: WorkerProcess, seen: (stamps: FloorStamps) => void): Promise<Floor> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const workflowsPath = fileURLToPath(new URL('./floor-workflow.js', import.meta.url));
  const worker = await Worker.create({
    connection: process.connection,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath, logger: quiet }),
    activities: {
      async enter(startCalled: number) {
        seen({ startCalled, entered: now() });
      },
    },
  });
  const running = worker.run();
  let started = 0;
  return {
    async start() {
      started += 1;
      await process.client.workflow.start('floor', {
        taskQueue: TASK_QUEUE,
        workflowId: `floor-${started}`,
        args: [now()],
        requestEagerStart: true,
        workflowTaskTimeout: '5s',
      });
    },
    async close() {
      worker.shutdown();
      await running;
    },
  };
}
