import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KeelsonError } from '../../core/errors.js';
import { writeWhole } from '../home/write-file.js';
import type { LaunchContext } from './launch-context.js';
import type { Temporal } from './temporal.js';

const run = promisify(execFile);
/** Named in the message; the rest is counted. */
const MOST_NAMED = 5;

interface ReplayOutcome {
  readonly runs: number;
  readonly failed: readonly { readonly workflowId: string; readonly reason: string }[];
}

/**
 * Before a build other than the last one takes anything up, every open run is replayed on it (P32). What does not replay would be
 * stuck with what it owns; then nothing is started, and nothing was changed: the build before can go on.
 *
 * @throws KeelsonError CONFIG_WORKFLOWS_DIFFER
 */
export async function assertRunsReplay({ steps, paths, root, signal }: LaunchContext, { env, address, origin }: Temporal): Promise<void> {
  const build = createHash('sha256')
    .update(readFileSync(join(root, 'dist', 'workflow-bundle.js')))
    .update(origin === 'external' ? address : 'own')
    .digest('hex');
  if (buildThatRan(paths.replayedBuild) === build) return;
  // A server over an empty file has no runs.
  if (origin === 'new') return writeWhole(paths.replayedBuild, `${build}\n`);
  await steps.run('replay', 'Replaying the open workflow runs on this build', async () => {
    const gate = join(root, 'dist', 'workers', 'replay-gate.js');
    const { stdout } = await run(process.execPath, [gate], { cwd: root, env, signal });
    const { runs, failed } = JSON.parse(stdout) as ReplayOutcome;
    if (failed.length > 0) {
      const named = failed.slice(0, MOST_NAMED).map(({ workflowId, reason }) => `${workflowId} (${reason})`);
      if (failed.length > named.length) named.push(`${failed.length - named.length} more`);
      throw new KeelsonError('CONFIG_WORKFLOWS_DIFFER', { count: runs, failed: failed.length, runs: named.join('; ') });
    }
    writeWhole(paths.replayedBuild, `${build}\n`);
    const done = runs === 0 ? 'No workflow run is open' : `${runs} open workflow run${runs === 1 ? '' : 's'} go on with this build`;
    return { done, result: undefined };
  });
}

/** Which build went through the gate last; undefined: none is known. */
function buildThatRan(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
