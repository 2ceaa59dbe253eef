import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KeelsonError } from '../../core/errors.js';
import { writeWhole } from '../home/write-file.js';
import { howBack } from './copy.js';
import type { LaunchContext } from './launch-context.js';
import type { Temporal } from './temporal.js';

const run = promisify(execFile);
/** Named in the message; the rest is counted. */
const MOST_NAMED = 5;
/** Far beyond what thousands of open runs take: a server that answers no more is not waited for. */
const LIMIT_MS = 600_000;
/** A line for each of hundreds of thousands of runs. */
const LONGEST_OUTCOME = 256 * 1024 * 1024;
/** Of what the gate said when it failed. */
const LONGEST_DETAIL = 300;

type GateContext = Pick<LaunchContext, 'steps' | 'root' | 'signal'> & { readonly paths: Pick<LaunchContext['paths'], 'replayedBuild'> };

interface ReplayOutcome {
  readonly runs: number;
  readonly failed: readonly { readonly workflowId: string; readonly reason: string }[];
}

/**
 * Before a build other than the last one takes anything up, every open run is replayed on it (P32). What does not replay would be
 * stuck with what it owns; then nothing is started, and nothing was changed: the build before can go on.
 *
 * @throws KeelsonError CONFIG_WORKFLOWS_DIFFER, INFRA_REPLAY
 */
export async function assertRunsReplay(
  { steps, paths, root, signal }: GateContext,
  { env, address, namespace, origin, copy }: Pick<Temporal, 'env' | 'address' | 'namespace' | 'origin' | 'copy'>,
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const build = createHash('sha256')
    .update(readFileSync(join(root, 'dist', 'workflow-bundle.js')))
    .update(JSON.stringify([origin === 'external' ? address : 'own', namespace]))
    .digest('hex');
  if (buildThatRan(paths.replayedBuild) === build) return;
  // A server over an empty file has no runs.
  if (origin === 'new') return writeWhole(paths.replayedBuild, `${build}\n`);
  await steps.run('replay', 'Replaying the open workflow runs on this build', async () => {
    const back = howBack(copy);
    const { runs, failed } = await outcomeOf({ root, signal }, { env, limitMs, back });
    if (failed.length > 0) {
      const named = failed.slice(0, MOST_NAMED).map(({ workflowId, reason }) => `${workflowId} (${reason})`);
      if (failed.length > named.length) named.push(`${failed.length - named.length} more`);
      throw new KeelsonError('CONFIG_WORKFLOWS_DIFFER', { count: runs, failed: failed.length, runs: named.join('; '), back });
    }
    writeWhole(paths.replayedBuild, `${build}\n`);
    const done = runs === 0 ? 'No workflow run is open' : `${runs} open workflow run${runs === 1 ? ' goes' : 's go'} on with this build`;
    return { done, result: undefined };
  });
}

/** What the gate has found; it runs beside us, so that a history that breaks the replay breaks nothing else. */
async function outcomeOf(
  { root, signal }: Pick<GateContext, 'root' | 'signal'>,
  { env, limitMs, back }: { readonly env: NodeJS.ProcessEnv; readonly limitMs: number; readonly back: string },
): Promise<ReplayOutcome> {
  const gate = join(root, 'dist', 'workers', 'replay-gate.js');
  try {
    const options = { cwd: root, env, signal, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: LONGEST_OUTCOME } as const;
    const { stdout } = await run(process.execPath, [gate], options);
    return JSON.parse(stdout) as ReplayOutcome;
  } catch (cause) {
    // A start that was given up is no failure of the gate.
    if (signal.aborted) throw cause;
    throw new KeelsonError('INFRA_REPLAY', { detail: detailOf(cause, limitMs), back }, { cause });
  }
}

function detailOf(cause: unknown, limitMs: number): string {
  if (!(cause instanceof Error)) return String(cause);
  if ('killed' in cause && cause.killed === true) return `it was not done within ${limitMs / 1_000} s`;
  const said = 'stderr' in cause ? String(cause.stderr).trim() : '';
  const reason = said.split('\n').findLast((line) => line.includes('Error')) ?? cause.message.split('\n', 1)[0] ?? '';
  return reason.trim().slice(0, LONGEST_DETAIL);
}

/** Which build went through the gate last; undefined: none is known. */
function buildThatRan(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
