import { closeSync, openSync, writeSync, ftruncateSync } from 'node:fs';
import type { JournalEvent } from './record.js';

/**
 * The journal could not be written. What has changed in memory is then not proven, so nobody may be told of it: this is
 * never caught, and ends the process.
 */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}

export interface Journal {
  /**
   * Returns when the line is with the operating system: a killed process has lost nothing that was answered.
   * The result is the byte at which the line begins.
   */
  append(time: number, events: readonly JournalEvent[]): number;
  close(): void;
}

/** Where the next line goes, as `readJournal` has found it. */
export interface JournalEnd {
  readonly seq: number;
  /** Bytes of whole lines; what is behind them was cut and is taken off. */
  readonly bytes: number;
}

export function openJournal(file: string, end: JournalEnd): Journal {
  const descriptor = openSync(file, 'a', 0o600);
  ftruncateSync(descriptor, end.bytes);
  let { seq, bytes } = end;
  return {
    append(time, events) {
      seq += 1;
      const line = Buffer.from(`${JSON.stringify({ seq, time, events })}\n`);
      try {
        for (let written = 0; written < line.length;) written += writeSync(descriptor, line, written);
      } catch (error) {
        throw new JournalError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      }
      bytes += line.length;
      return bytes - line.length;
    },
    close: () => closeSync(descriptor),
  };
}

/** A venue without a journal file forgets everything when it ends. */
export const NO_JOURNAL: Journal = { append: () => -1, close: () => undefined };
