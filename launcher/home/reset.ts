import { existsSync, rmSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KeelsonError } from '../../core/errors.js';
import { dataElsewhere } from '../postgres/location.js';
import { stopLeftover } from '../postgres/leftover.js';
import { readChildren } from '../supervise/children-file.js';
import { stopLeftovers } from '../supervise/leftovers.js';
import { lockHolder, takeLock } from './lock.js';
import type { HomePaths } from './paths.js';
import { readRunFile } from './run-file.js';

/** What lies in a home that a reset would remove. */
export interface ResetPlan {
  /** Files and folders that are there, the ones outside the home included. */
  readonly paths: readonly string[];
}

const PARTS = ['runFile', 'children', 'ownerKey', 'keys', 'postgres', 'temporal', 'venue', 'logs', 'effectiveConfig'] as const;

/**
 * What a reset of this home removes. Only what Keelson itself put there is named: a home that was set to the wrong folder
 * by mistake loses nothing else.
 * @throws KeelsonError INFRA_HOME_LOCKED while it runs.
 */
export async function planReset(paths: HomePaths): Promise<ResetPlan> {
  assertNothingRuns(paths);
  const outside = await dataElsewhere(paths.postgres).catch(() => undefined);
  // The pointer is a file that a mistake could have written: only a folder of the form that we make is followed.
  const isOurs = outside !== undefined && /^data-[0-9a-f]{12}$/.test(basename(outside));
  return { paths: [...PARTS.map((part) => paths[part]), ...(isOurs ? [outside] : [])].filter((path) => existsSync(path)) };
}

/**
 * Empties the home: stops what a killed start left there, then removes what the plan names.
 * @throws KeelsonError INFRA_HOME_LOCKED when it was started meanwhile.
 */
export async function resetHome(paths: HomePaths, plan: ResetPlan): Promise<void> {
  if (!existsSync(paths.home)) return;
  const taken = takeLock(paths.lock);
  if (!taken.held) throw locked(paths, taken.holder.pid);
  try {
    await stopLeftovers(readChildren(paths.children));
    await stopLeftover((await dataElsewhere(paths.postgres).catch(() => undefined)) ?? join(paths.postgres, 'data'));
    for (const path of plan.paths) rmSync(path, { recursive: true, force: true });
  } finally {
    taken.lock.release();
  }
  rmSync(paths.lock, { recursive: true, force: true });
  try {
    rmdirSync(paths.home);
  } catch {
    // Something else lies there too: it stays.
  }
}

function assertNothingRuns(paths: HomePaths): void {
  const holder = lockHolder(paths.lock);
  if (holder !== undefined) throw locked(paths, holder.pid);
}

const locked = (paths: HomePaths, pid: number): KeelsonError =>
  new KeelsonError('INFRA_HOME_LOCKED', {
    home: paths.home,
    pid,
    addresses: readRunFile(paths.runFile)?.addresses.api ?? 'it is still starting',
  });
