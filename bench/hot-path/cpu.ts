import { readFileSync, readdirSync } from 'node:fs';

const MS_PER_TICK = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

/** CPU time that a process and everything below it have used so far, ms; 0 where the system does not tell. */
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
    const [parent, user, system] = [parts[1], parts[11], parts[12]].map(Number);
    return [{ pid, parent: parent ?? 0, cpuMs: ((user ?? 0) + (system ?? 0)) * MS_PER_TICK }];
  } catch {
    // It ended between the listing and the reading.
    return [];
  }
}
