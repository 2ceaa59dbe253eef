import { openSync, readSync } from 'node:fs';
import type { JournalLine } from './record.js';

const CHUNK_BYTES = 4096;
const NEWLINE = 10;

/** Reads single lines of a journal by their place in the file. */
export function lineReader(file: string): (offset: number) => JournalLine {
  let descriptor: number | undefined;
  return (offset) => {
    descriptor ??= openSync(file, 'r');
    for (let size = CHUNK_BYTES; ; size *= 4) {
      const chunk = Buffer.allocUnsafe(size);
      const got = readSync(descriptor, chunk, 0, size, offset);
      const end = chunk.subarray(0, got).indexOf(NEWLINE);
      if (end >= 0) return JSON.parse(chunk.toString('utf8', 0, end)) as JournalLine;
      if (got < size) throw new RangeError(`${file}: no whole line at byte ${offset}`);
    }
  };
}
