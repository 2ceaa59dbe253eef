import type { Listing } from './listing.js';

export interface ListedStream {
  readonly listing: Pick<Listing, 'isListed' | 'onReload'>;
  readonly instruments: readonly string[];
  /**
   * Keeps a stream of them alive until `signal` aborts. `listed` is asked at each connection: what has left the venue since is left out, and
   * where it names none there is nothing to connect for.
   */
  readonly run: (listed: () => readonly string[], signal: AbortSignal) => Promise<void>;
  readonly onGap: (reason: string) => void;
  readonly signal: AbortSignal;
}

/**
 * A stream of those instruments that the venue lists, so that one that it does not list (any more) holds up no other. It is begun anew when
 * our list of the venue's instruments has one of them again.
 */
export async function followListed({ listing, instruments, run, onGap, signal }: ListedStream): Promise<void> {
  const listedNow = (): readonly string[] => instruments.filter((instrument) => listing.isListed(instrument));
  while (!signal.aborted) {
    const renewed = new AbortController();
    const until = AbortSignal.any([signal, renewed.signal]);
    let followed = listedNow();
    let reason = 'none of what is followed is listed any more';
    const forget = listing.onReload(() => {
      const again = listedNow().filter((instrument) => !followed.includes(instrument));
      if (again.length === 0) return;
      reason = `${again.join(', ')}: listed again`;
      renewed.abort();
    });
    if (followed.length === 0) {
      await aborted(until);
    } else {
      const atConnection = (): readonly string[] => {
        followed = listedNow();
        if (followed.length === 0) renewed.abort();
        return followed;
      };
      await run(atConnection, until);
      if (!signal.aborted) onGap(reason);
    }
    forget();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
}
