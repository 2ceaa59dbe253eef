import { createReadStream } from 'node:fs';
import type { CalendarSource } from '../../activities/ports/calendar.js';
import { unreadable } from '../../core/calendar/unreadable.js';

const LIMIT_MS = 15_000;
const MOST_BYTES = 4_000_000;

/** Reads a file. Its path is told: it is of this machine, and no secret. */
export function calendarFile(path: string, limitMs: number = LIMIT_MS): CalendarSource {
  return {
    async read() {
      try {
        return await textOf(createReadStream(path, { signal: AbortSignal.timeout(limitMs) }));
      } catch (error) {
        const { code } = error as { readonly code?: string };
        throw code === undefined ? error : unreadable(`the file ${path} could not be read (${code})`);
      }
    },
  };
}

/** Asks an address. It may be a secret itself, and is in no error; where it points elsewhere it is not followed. */
export function calendarAddress(url: string, limitMs: number = LIMIT_MS): CalendarSource {
  return {
    async read() {
      const ends = AbortSignal.timeout(limitMs);
      let response: Response;
      try {
        response = await fetch(url, { signal: ends, redirect: 'error', headers: { accept: 'application/json, text/csv' } });
      } catch {
        throw unreadable(ends.aborted ? `its address did not answer within ${limitMs / 1_000} s` : 'its address could not be reached');
      }
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        throw unreadable(`its address answered with the HTTP status ${response.status}`);
      }
      try {
        return await textOf(response.body);
      } catch (error) {
        throw error instanceof TypeError || ends.aborted ? unreadable('its address broke off') : error;
      }
    },
  };
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.byteLength;
    if (bytes > MOST_BYTES) throw unreadable(`it is larger than ${MOST_BYTES / 1e6} MB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
