// Before what loads packages.
import { mapStacks } from './source-maps.js';
import type { Worker } from '@temporalio/worker';
import { KeelsonError } from '../../core/errors.js';
import { exitCodeOf, supervised } from '../supervised.js';
import { openProcess, type WorkerProcess } from './process.js';

/** What a role brings: its worker, what it starts once the worker polls, and what it has to close. */
export interface Role {
  readonly worker: Worker;
  started(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Runs one role as this process: opens what it needs, polls, says ready; on stop the streams hand over first, so that
 * nothing new begins, then the worker drains.
 */
export async function runAsProcess(name: string, open: (process: WorkerProcess) => Promise<Role>): Promise<void> {
  let stop = async (): Promise<void> => undefined;
  const supervision = supervised({ onStop: () => stop() });
  try {
    const opened = await openProcess(name, globalThis.process.env, fail);
    const role = await open(opened);
    const polling = role.worker.run();
    stop = async () => {
      opened.stopping.abort();
      role.worker.shutdown();
      await polling;
      await role.close();
      await opened.close();
    };
    polling.catch((error: unknown) => fail(error));
    await role.started();
    mapStacks();
    supervision.ready();
    opened.log.info('ready');
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): never {
  mapStacks();
  const isCoded = error instanceof KeelsonError;
  process.stderr.write(
    `${isCoded ? `${error.failure.code}  ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(exitCodeOf(error));
}
