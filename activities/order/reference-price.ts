import type { DecimalText } from '../../core/money/index.js';
import type { Venue } from '../ports/venue.js';

const LIMIT_MS = 1_000;

/** The venue's last price, if it tells it within a second: no exit waits longer for a price (P19). */
export async function referencePrice(venue: Venue, instrument: string): Promise<DecimalText | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LIMIT_MS);
  });
  const price = venue.reader.lastPrice(instrument).catch(() => undefined);
  return Promise.race([price, tooLate]).finally(() => clearTimeout(timer));
}
