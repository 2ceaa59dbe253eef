import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A process, told apart from any later one with the same number: the kernel's start time goes with the pid, and the
 * boot and pid namespace say where both numbers mean something.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, in the system's own words (Linux: ticks since boot). Compared, never computed with. */
  readonly startedAt: string;
  /** Boot and pid namespace; two identities with different places cannot be compared by asking the kernel. */
  readonly place: string;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Where pids of this process are valid: boot id and pid namespace on Linux, `local` elsewhere. */
export function thisPlace(): string {
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim();
  if (boot === undefined) return 'local';
  try {
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return boot;
  }
}

/** The start time of a living process; `undefined` when there is none (a zombie, dead but not reaped, is none). */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const stat = read(`/proc/${pid}/stat`);
    // The name in field 2 may hold spaces and parentheses: the fields are counted from the last one.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return fields[19];
  }
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

/** The identity of a living process of this machine, or `undefined` when there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt, place: thisPlace() };
}

/** Whether exactly this process (not another one with its number) still lives; `undefined`: it cannot be asked here. */
export function isAlive(identity: ProcessIdentity): boolean | undefined {
  if (identity.place !== thisPlace()) return undefined;
  return startOf(identity.pid) === identity.startedAt;
}

/** Sends a signal to exactly this process. False when it is gone already or is not ours to signal. */
export function signalTo(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (isAlive(identity) !== true) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

/** Kills exactly this process and the group that it leads: a guard goes with the program that it guards. */
export function killGroupOf(identity: ProcessIdentity): void {
  if (isAlive(identity) !== true) return;
  try {
    process.kill(-identity.pid, 'SIGKILL');
  } catch {
    signalTo(identity, 'SIGKILL');
  }
}

/** Waits until the process is gone. True when it is, false when `limitMs` passed first. */
export async function goneWithin(identity: ProcessIdentity, limitMs: number, pollMs = 25): Promise<boolean> {
  const until = performance.now() + limitMs;
  while (isAlive(identity) === true) {
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}
