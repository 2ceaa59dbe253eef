import { join } from 'node:path';
import { KeelsonError } from '../../core/errors.js';
import { stopLeftover } from '../postgres/leftover.js';
import { dataElsewhere } from '../postgres/location.js';
import { readChildren } from '../supervise/children-file.js';
import { stopLeftovers } from '../supervise/leftovers.js';
import { lockHolder, takeLock } from './lock.js';
import type { HomePaths } from './paths.js';
import { isAlive } from './process-identity.js';
import { readRunFile } from './run-file.js';

/** @throws KeelsonError INFRA_HOME_LOCKED while Keelson runs from the home. */
export function assertNothingRuns(paths: HomePaths): void {
  const holder = lockHolder(paths.lock);
  if (holder !== undefined) throw locked(paths, holder.pid);
}

/** Whether nothing of this home is there: no `npm start`, also none that begins or ends, and nothing that a killed one has left. */
export function nothingIsThere({ lock, children }: Pick<HomePaths, 'lock' | 'children'>): boolean {
  // What cannot be asked, in another container perhaps, may be there.
  return lockHolder(lock) === undefined && readChildren(children).every(({ identity }) => isAlive(identity) === false);
}

/**
 * Works on a home that nothing runs from, and that nothing can be started from meanwhile. What a killed start has left is stopped before.
 *
 * @throws KeelsonError INFRA_HOME_LOCKED while Keelson runs from it
 */
export async function alone<T>(paths: HomePaths, work: () => Promise<T>): Promise<T> {
  const taken = takeLock(paths.lock);
  if (!taken.held) throw locked(paths, taken.holder.pid);
  try {
    await stopLeftovers(readChildren(paths.children));
    await stopLeftover(await postgresData(paths));
    return await work();
  } finally {
    taken.lock.release();
  }
}

/** Where the embedded server keeps its data. */
export async function postgresData({ postgres }: Pick<HomePaths, 'postgres'>): Promise<string> {
  return (await dataElsewhere(postgres).catch(() => undefined)) ?? join(postgres, 'data');
}

const locked = (paths: HomePaths, pid: number): KeelsonError =>
  new KeelsonError('INFRA_HOME_LOCKED', {
    home: paths.home,
    pid,
    addresses: readRunFile(paths.runFile)?.addresses.api ?? 'it is still starting',
  });
