import type { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';

const MEASURE_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 500;

/**
 * Measures the clock of an account's venue every ten seconds once it is open. Until then nothing can be signed for it; from then on nothing
 * is signed without its skew, which it has measured itself. A measurement that fails leaves the last one standing, until it is too old for
 * entries.
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
    const timer = setInterval(() => void measure(venue), MEASURE_EVERY_MS);
    // It is read more often than that to keep connections open: a step of our own clock is known by the next of those readings.
    const looking = setInterval(() => {
      const last = venue.lastClock();
      if (last === seen) return;
      seen = last;
      market.seeClock(account, seen);
    }, LOOK_EVERY_MS);
    ending.signal.addEventListener('abort', () => [timer, looking].forEach(clearInterval));
  });
  return () => ending.abort();
}
