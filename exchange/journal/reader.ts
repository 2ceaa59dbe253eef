import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type { JournalLine } from './record.js';
import type { JournalEnd } from './writer.js';

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;

/**
 * Calls `each` for every whole line and the byte at which it begins, oldest first, and returns the end of the last one. A last line without its line
 * break was cut by the death of the writer and is left out; it cannot have been answered.
 * @throws RangeError when a whole line is not a journal line or a number is missing: the file was edited.
 */
export function readJournal(file: string, each: (line: JournalLine, offset: number) => void): JournalEnd {
  if (!existsSync(file)) return { seq: 0, bytes: 0 };
  const descriptor = openSync(file, 'r');
  let [seq, bytes] = [0, 0];
  let rest: Buffer = Buffer.alloc(0);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let position = 0; ;) {
      const got = readSync(descriptor, chunk, 0, CHUNK_BYTES, position);
      if (got === 0) return { seq, bytes };
      position += got;
      const data = Buffer.concat([rest, chunk.subarray(0, got)]);
      let begin = 0;
      for (let end = data.indexOf(NEWLINE, begin); end >= 0; end = data.indexOf(NEWLINE, begin)) {
        const line = lineOf(data.toString('utf8', begin, end), seq + 1, file);
        each(line, bytes);
        seq = line.seq;
        bytes += end + 1 - begin;
        begin = end + 1;
      }
      rest = Buffer.from(data.subarray(begin));
    }
  } finally {
    closeSync(descriptor);
  }
}

function lineOf(text: string, expectedSeq: number, file: string): JournalLine {
  let line: JournalLine | undefined;
  try {
    line = JSON.parse(text) as JournalLine;
  } catch {
    line = undefined;
  }
  if (line?.seq !== expectedSeq || !Array.isArray(line.events)) {
    throw new RangeError(`${file}: line ${expectedSeq} is not the journal's line ${expectedSeq}: ${text.slice(0, 80)}`);
  }
  return line;
}
