import { readFileSync, readdirSync } from 'node:fs';

const MS_PER_TICK = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

/**
 * CPU time that a process and everything below it have used so far, ms; 0 where the system does not tell. What has ended
 * meanwhile still counts, by its parent: a server of many connections would use less than nothing otherwise.
 */
export function cpuMsOf(pids: readonly number[]): number[] {
  const all = stats();
  const below = (pid: number): number => all.filter((one) => one.parent === pid).reduce((sum, one) => sum + one.cpuMs + below(one.pid), 0);
  return pids.map((pid) => (all.find((one) => one.pid === pid)?.cpuMs ?? 0) + below(pid));
}

function stats(): Stat[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(Number(name)));
  } catch {
    return [];
  }
}

function statOf(pid: number): Stat[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, also spaces: the numbers begin behind it.
    const parts = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // Its own, of user and system, and that of children which have ended.
    const ticks = parts.slice(11, 15).reduce((sum, part) => sum + Number(part), 0);
    return [{ pid, parent: Number(parts[1]), cpuMs: ticks * MS_PER_TICK }];
  } catch {
    // It ended between the listing and the reading.
    return [];
  }
}
