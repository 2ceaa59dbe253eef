import { closeSync, fstatSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs';

const ROTATE_AT_BYTES = 32 * 1024 * 1024;
const TAIL_BYTES = 16 * 1024;

export interface OpenLog {
  readonly fd: number;
  /** Length of the file when it was opened: what follows belongs to this run. */
  readonly from: number;
}

/** Opens a log to append to; one that has grown large becomes `<name>.old` first. The caller closes it. */
export function openLog(path: string): OpenLog {
  try {
    if (statSync(path).size > ROTATE_AT_BYTES) renameSync(path, `${path}.old`);
  } catch {
    // There is none yet.
  }
  const fd = openSync(path, 'a', 0o600);
  return { fd, from: fstatSync(fd).size };
}

export const appendLine = (log: OpenLog, line: string): void => void writeSync(log.fd, `${line}\n`);
export const closeLog = (log: OpenLog): void => closeSync(log.fd);

/** The end of a log, as text; empty when it cannot be read. */
export function logTail(path: string, from = 0): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const size = fstatSync(fd).size;
    const start = Math.max(from <= size ? from : 0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    readSync(fd, buffer, 0, buffer.length, start);
    return buffer.toString('utf8');
  } catch {
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The line of a log that says best why its process ended: one with an error code, else an error, else the last one. */
export function lastWords(tail: string): string {
  const lines = tail
    .split('\n')
    .map(plainLine)
    .filter((line) => line !== '' && !/^\s*(at |\^|Node\.js v|\}|\{$)/.test(line));
  const best =
    lines.findLast((line) => /\b[A-Z]{3,}(_[A-Z]+)+\b: /.test(line)) ?? lines.findLast((line) => /\b\w*Error\b/.test(line)) ?? lines.at(-1);
  return (best ?? 'it wrote nothing').trim().slice(0, 400);
}

/** Structured log lines are shown as their message and error. */
function plainLine(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return line;
    const message = 'msg' in value && typeof value.msg === 'string' ? value.msg : '';
    const error = 'err' in value && typeof value.err === 'object' && value.err !== null ? value.err : {};
    const detail = 'message' in error && typeof error.message === 'string' ? error.message : '';
    return [message, detail].filter((part) => part !== '').join(': ') || line;
  } catch {
    return line;
  }
}
