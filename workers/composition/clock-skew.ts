import type { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';

const LOOK_EVERY_MS = 500;
/** After ten seconds without a reading. */
const LOOKS_BEFORE_ASKING = 20;

/**
 * Knows what was measured of the clock of an account's venue once it is open, by whichever account at its address: it is read all the time to keep connections open. Where that
 * tells nothing for ten seconds it is asked for. Until it is open nothing can be signed for it; from then on nothing is signed without its skew. A measurement that fails
 * leaves the last one standing, until it is too old for entries.
 * @returns stops measuring.
 */
export function measureClock(
  account: string,
  opened: (account: string) => Promise<Venue>,
  market: StreamedMarket,
  log: { warn(data: object, message: string): void },
): () => void {
  const ending = new AbortController();
  const measure = async ({ reader }: Venue): Promise<void> => {
    try {
      market.seeClock(account, await reader.clock());
    } catch (error) {
      log.warn({ account, error: String(error) }, 'the clock of the venue could not be measured');
    }
  };
  void opened(account).then((venue) => {
    if (ending.signal.aborted) return;
    let seen = venue.lastClock();
    market.seeClock(account, seen);
    let looksInVain = 0;
    // A step of our own clock is known by the next reading.
    const looking = setInterval(() => {
      const last = venue.lastClock();
      looksInVain = last === seen ? looksInVain + 1 : 0;
      if (last !== seen) market.seeClock(account, last);
      seen = last;
      if (looksInVain < LOOKS_BEFORE_ASKING) return;
      looksInVain = 0;
      void measure(venue);
    }, LOOK_EVERY_MS);
    ending.signal.addEventListener('abort', () => clearInterval(looking));
  });
  return () => ending.abort();
}
