import type { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';

const MEASURE_EVERY_MS = 10_000;

/**
 * Measures the clock of an account's venue now and every ten seconds. A measurement that fails leaves the last one
 * standing, until it is too old for entries.
 * @returns stops measuring.
 */
export async function measureClock(
  account: string,
  venueOf: (account: string) => Venue,
  market: StreamedMarket,
  log: { warn(data: object, message: string): void },
): Promise<() => void> {
  const measure = async (): Promise<void> => {
    try {
      market.seeClock(account, await venueOf(account).reader.clock());
    } catch (error) {
      log.warn({ account, error: String(error) }, 'the clock of the venue could not be measured');
    }
  };
  await measure();
  const timer = setInterval(() => void measure(), MEASURE_EVERY_MS);
  return () => clearInterval(timer);
}
