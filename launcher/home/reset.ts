import { existsSync, rmSync, rmdirSync } from 'node:fs';
import { basename } from 'node:path';
import { dataElsewhere } from '../postgres/location.js';
import { alone, assertNothingRuns } from './alone.js';
import type { HomePaths } from './paths.js';

/** What lies in a home that a reset would remove. */
export interface ResetPlan {
  /** Files and folders that are there, the ones outside the home included. */
  readonly paths: readonly string[];
}

const PARTS = ['runFile', 'children', 'ownerKey', 'keys', 'postgres', 'temporal', 'replaced', 'venue', 'logs', 'effectiveConfig'] as const;

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
  await alone(paths, async () => {
    for (const path of plan.paths) rmSync(path, { recursive: true, force: true });
  });
  rmSync(paths.lock, { recursive: true, force: true });
  try {
    rmdirSync(paths.home);
  } catch {
    // Something else lies there too: it stays.
  }
}
