import { setTimeout as wait } from 'node:timers/promises';
import { hasWeightToSpare } from '../../activities/order/reference-price.js';
import type { StreamedMarket } from '../../activities/streams/live-market.js';
import { isUnlisted } from '../../core/venue/unlisted.js';
import type { Venue } from '../../activities/ports/venue.js';

const ASK_EVERY_MS = 5_000;
const ALL = 'the venue';

interface FollowedBooks {
  readonly account: string;
  readonly instruments: readonly string[];
  readonly venueOf: (account: string) => Venue;
  readonly market: StreamedMarket;
  readonly clock: () => number;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Asks for best bid and ask of what an account trades, one instrument after the other, so that slippage can be told against the mid
 * price of its decisions; and nothing is entered on one that is crossed. Nothing waits for it; what is not answered is not known then. Only a venue that
 * tells what it has counted is asked, and only while that is little: elsewhere it would take the place of bars and look-ups.
 * @returns stops asking; what is asked at that moment ends by itself.
 */
export function followBooks({ account, instruments, venueOf, market, clock, log }: FollowedBooks): () => void {
  const ending = new AbortController();
  const { signal } = ending;
  /** What cannot be read: the venue, or of an instrument that it does not list (any more) that one alone. */
  const told = new Set<string>();
  const ask = async (instrument: string): Promise<void> => {
    try {
      // One that could not be opened yet throws, as one does that does not answer: neither ends anything here.
      const venue = venueOf(account);
      if (!hasWeightToSpare(venue)) return;
      const book = await venue.reader.book(instrument);
      if (book !== undefined) market.seeBook(account, instrument, book, clock());
      for (const what of [ALL, instrument]) told.delete(what);
    } catch (error) {
      const what = isUnlisted(error) ? instrument : ALL;
      if (!told.has(what) && !signal.aborted)
        log.warn({ account, instrument, error: String(error) }, 'the book of the venue could not be read');
      told.add(what);
    }
  };
  void (async () => {
    while (!signal.aborted) {
      for (const instrument of instruments) if (!signal.aborted) await ask(instrument);
      await wait(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return () => ending.abort();
}
