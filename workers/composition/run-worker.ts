import { DefaultLogger, Runtime, Worker, type LogEntry } from '@temporalio/worker';
import type { Logger } from 'pino';
import { WORKFLOW_BUNDLE } from '../bundle.js';
import type { WorkerProcess } from './process.js';

/** Sends what the SDK logs, from warnings on, where everything else of this process goes. */
export function quietRuntime(log: Logger): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }: LogEntry) => {
    if (level === 'ERROR') log.error({ sdk: meta }, message);
    else log.warn({ sdk: meta }, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}

/** A worker on one task queue, with the bundle of the build. Draining lasts 8 s, then what runs is cut off. */
export async function createWorker(process: WorkerProcess, taskQueue: string, activities: object): Promise<Worker> {
  return Worker.create({
    connection: process.connection,
    namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default',
    taskQueue,
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    activities,
    identity: `${process.name}@${globalThis.process.pid}`,
    shutdownGraceTime: '6s',
    shutdownForceTime: '8s',
  });
}
