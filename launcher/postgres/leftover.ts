import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The first lines of postmaster.pid, which a running server keeps in its data folder. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
}

export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return { pid, port: Number(lines[3]) || 0 };
}

/** Whether a command line is that of a Postgres server over this data folder. */
export function isServerOf(commandLine: string, dataDir: string): boolean {
  return /(^|\/)(postgres|postmaster)(\s|$)/.test(commandLine.split(' -D ')[0] ?? '') && commandLine.includes(dataDir);
}

/** The process that runs over this data folder now, however it was started; undefined when none does. */
export async function runningServer(dataDir: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const found = parsePostmasterFile(text);
  if (found === undefined) return undefined;
  // After a kill -9 the file stays and the number may by now be another program's.
  return isServerOf(await commandLine(found.pid), dataDir) ? found : undefined;
}

/**
 * Stops the server that a killed supervisor left behind: it listens on a port we did not choose and its log goes
 * nowhere. First a fast shutdown, then an immediate one, which the next start recovers from.
 *
 * @returns the process that was stopped, undefined when there was none
 * @throws when it is still there after `limitMs` of each
 */
export async function stopLeftover(dataDir: string, limitMs = 5000): Promise<number | undefined> {
  const leftover = await runningServer(dataDir);
  if (leftover === undefined) return undefined;
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!sendSignal(leftover.pid, signal)) return leftover.pid;
    const deadline = performance.now() + limitMs;
    while (performance.now() < deadline) {
      if ((await runningServer(dataDir)) === undefined) return leftover.pid;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`process ${leftover.pid} still runs over ${dataDir} and does not end`);
}

/** False when the process is not there any more. */
function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text.replaceAll('\0', ' ').trim();
  }
  return run('ps', ['-o', 'command=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}
