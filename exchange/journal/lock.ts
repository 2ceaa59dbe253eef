import { linkSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tells a process from a later one with the same number, and from one of another machine or container. */
interface Holder {
  readonly pid: number;
  readonly startedAt: string;
  readonly place: string;
}

/**
 * Takes a journal for this process alone; the result gives it back. Beside the journal lies a folder of numbered files,
 * the highest is the holder's. A holder that has died is followed by the next number, which only one can create; the
 * highest number stays when it is given back, so none is given out twice. A holder on another machine cannot be asked
 * and counts as gone.
 * @throws Error when a living process has it.
 */
export function lockJournal(file: string): () => void {
  const folder = `${file}.lock`;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const self: Holder = { pid: process.pid, startedAt: startOf(process.pid) ?? '', place: placeHere() };
  const draft = join(folder, `draft-${process.pid}`);
  for (;;) {
    const number = highest(folder);
    const holder = holderOf(join(folder, String(number)));
    if (holder !== undefined) throw new Error(`${file}: the process ${holder.pid} is writing this journal`);
    writeFileSync(draft, JSON.stringify(self), { mode: 0o600 });
    const own = join(folder, String(number + 1));
    try {
      linkSync(draft, own);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    for (const name of readdirSync(folder)) if (/^\d+$/.test(name) && Number(name) <= number) rmSync(join(folder, name), { force: true });
    return () => truncateSync(own);
  }
}

function highest(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map((name) => (/^\d+$/.test(name) ? Number(name) : 0)));
}

/** Who holds the number; `undefined`: nobody who lives. */
function holderOf(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return holder.place === placeHere() && startOf(holder.pid) === holder.startedAt ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** When a process was started, where the system tells; '' when it only tells that it lives; `undefined`: it does not. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in field 2 may hold spaces and parentheses: the fields are counted from the last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined;
  }
}

/** Where process numbers mean the same as here. */
function placeHere(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return 'local';
  }
}
