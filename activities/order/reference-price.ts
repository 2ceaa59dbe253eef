import { setTimeout as wait } from 'node:timers/promises';
import type { DecimalText } from '../../core/money/index.js';
import type { Venue } from '../ports/venue.js';

const LIMIT_MS = 1_000;

/** The venue's last price, if it tells it within a second: no exit waits longer for a price (P19). */
export async function referencePrice(venue: Venue, instrument: string): Promise<DecimalText | undefined> {
  const giveUp = new AbortController();
  try {
    return await Promise.race([venue.reader.lastPrice(instrument), wait(LIMIT_MS, undefined, { signal: giveUp.signal })]);
  } catch {
    return undefined;
  } finally {
    giveUp.abort();
  }
}
