import type { HaltPort } from '../../activities/ports/halt.js';
import type { WatchStore } from '../../activities/ports/watch.js';
import type { Venue } from '../../activities/ports/venue.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { AccountWatch } from '../../activities/watch/account-watch.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import type { DecimalText } from '../../core/money/index.js';
import { WATCH, type WatchSettings } from '../../core/watch/rules.js';
import { ACCOUNT, INSTRUMENT, type TradingStack } from './trading-stack.js';

const EACH_MS = 20;

/** A guardian's watch of the stack's account, at its real venue, but for the prices: those are the test's, told each moment. */
export interface SteadyWatch {
  /** What the stream tells; undefined: nothing. */
  price: string | undefined;
  /** May be changed while it watches. */
  readonly settings: { -readonly [Name in keyof WatchSettings]: WatchSettings[Name] };
  close(): Promise<void>;
}

export interface SteadyWatchOptions {
  /** Where a test puts something between the watch and its rows. */
  readonly store?: WatchStore;
  /** Prices are those of the venue's own stream. */
  readonly hasOwnPrices?: boolean;
}

export function steadyWatch(stack: TradingStack, halt: HaltPort, { store, hasOwnPrices = false }: SteadyWatchOptions = {}): SteadyWatch {
  const settings: SteadyWatch['settings'] = {
    ...{ venueUnreachableMs: WATCH.venueUnreachableMs, noMarketDataMs: WATCH.noMarketDataMs },
    unmarkedPrices: { BNB: '500' as DecimalText },
  };
  const steady: Pick<SteadyWatch, 'price' | 'settings'> = { price: '50000', settings };
  const watchBars: Venue['streams']['watchBars'] = (_, handlers, signal) =>
    new Promise((resolve) => {
      const timer = setInterval(() => {
        if (steady.price !== undefined) handlers.onPrice(INSTRUMENT, steady.price as DecimalText, { seenTime: Date.now() });
      }, EACH_MS);
      signal.addEventListener('abort', () => (clearInterval(timer), resolve()), { once: true });
    });
  const watch = new AccountWatch(
    {
      ...{
        store: store ?? createWatchStore(stack.pool),
        halt,
        bars: stack.ledger.bars,
        live: new StreamedMarket(Date.now),
        clock: Date.now,
      },
      ...{ kill: () => Promise.resolve(), watchersOf: () => 1, tellNeed: () => undefined, log: { warn: () => undefined } },
    },
    {
      ...{
        account: ACCOUNT,
        venueName: 'paper',
        venue: hasOwnPrices ? stack.venue : { ...stack.venue, streams: { ...stack.venue.streams, watchBars } },
        quote: 'USDT',
        settings,
      },
      ...{ instruments: [{ instrument: INSTRUMENT, intervalMs: 1_000 }], markMaxAgeMs: 60_000 },
    },
  );
  return Object.assign(steady, { close: () => watch.close() });
}
