import { TransportError, Worker } from '@temporalio/worker';
import { KeelsonError } from '../../core/errors.js';
import { TASK_QUEUES } from '../../workflows/names.js';
import { WORKFLOW_BUNDLE } from '../bundle.js';
import { refusesOtherEpochs } from './epoch.js';
import type { WorkerProcess } from './process.js';
import { namespaceOf } from './temporal-connection.js';

/**
 * Every poll that is open when a worker is stopped, or cut off, may be handed one task more, which is lost until it times
 * out, 5 s each. So few are open: they carry hundreds of tasks a second, and what is eager needs none.
 */
const POLLS = { maxConcurrentWorkflowTaskPolls: 4, nonStickyToStickyPollRatio: 0.25, maxConcurrentActivityTaskPolls: 3 };

/**
 * All owners of an account are woken at once by a restart, or a price that moves everything. Each task that is begun holds its place until its
 * local activities are over; begun all together on a busy machine none is done within its 5 s, and all of them are begun anew, again and
 * again. So few are begun at a time, and the rest wait at the server, where no time runs.
 */
export const GUARDIAN_TASKS = { ...POLLS, maxConcurrentWorkflowTaskExecutions: 12 };

/**
 * A worker on one task queue, with the bundle of the build. Draining lasts 8 s, then what runs is cut off.
 * @throws KeelsonError INFRA_TEMPORAL where Temporal does not tell of the namespace: one that answers nothing is given up after most of a minute
 */
export async function createWorker(process: WorkerProcess, taskQueue: string, activities: object): Promise<Worker> {
  return Worker.create({
    connection: process.connection,
    namespace: namespaceOf(process.env),
    taskQueue,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities,
    interceptors: { activity: [refusesOtherEpochs(process.epoch)] },
    identity: `${process.name}@${globalThis.process.pid}`,
    // What a dead worker had in its cache goes to another after this long, and not after the ten seconds of the default (P23).
    stickyQueueScheduleToStartTimeout: '1s',
    // A signal waits for nobody: its task is its order.
    ...(taskQueue === TASK_QUEUES.guardian ? GUARDIAN_TASKS : POLLS),
    shutdownGraceTime: '6s',
    shutdownForceTime: '8s',
  }).catch((error: unknown) => {
    if (!(error instanceof TransportError)) throw error;
    throw new KeelsonError('INFRA_TEMPORAL', { detail: error.message }, { cause: error });
  });
}
