import type { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';

const MEASURE_EVERY_MS = 10_000;

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
    market.seeClock(account, venue.lastClock());
    const timer = setInterval(() => void measure(venue), MEASURE_EVERY_MS);
    ending.signal.addEventListener('abort', () => clearInterval(timer));
  });
  return () => ending.abort();
}
