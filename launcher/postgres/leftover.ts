import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goneWithin, identify, type ProcessIdentity, signalTo } from '../home/process-identity.js';

const run = promisify(execFile);

/** The process named by postmaster.pid, which a running server keeps in its data folder. */
export function parsePostmasterFile(text: string): number | undefined {
  const pid = Number(text.split('\n')[0]);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** Whether a command line is that of a Postgres server over this data folder. */
export function isServerOf(commandLine: string, dataDir: string): boolean {
  const [program = '', rest = ''] = commandLine.split(' -D ', 2);
  return /(^|\/)(postgres|postmaster)$/.test(program) && (rest === dataDir || rest.startsWith(`${dataDir} `));
}

/** The server that runs over this data folder now, however it was started; undefined when none does. */
export async function runningServer(dataDir: string): Promise<ProcessIdentity | undefined> {
  const pid = parsePostmasterFile(await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => ''));
  const found = pid === undefined ? undefined : identify(pid);
  // After a kill -9 the file stays, and the number may by now be another program's.
  return found !== undefined && isServerOf(await commandLine(found.pid), dataDir) ? found : undefined;
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
    signalTo(leftover, signal);
    if (await goneWithin(leftover, limitMs)) return leftover.pid;
  }
  throw new Error(`process ${leftover.pid} still runs over ${dataDir} and does not end. End it by hand`);
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
