import type { HaltPort } from '../../activities/ports/halt.js';
import type { WatchStore } from '../../activities/ports/watch.js';
import type { Venue } from '../../activities/ports/venue.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { AccountWatch } from '../../activities/watch/account-watch.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import type { DecimalText } from '../../core/money/index.js';
import { WATCH, type WatchRules } from '../../core/watch/rules.js';
import { ACCOUNT, INSTRUMENT, type TradingStack } from './trading-stack.js';

const EACH_MS = 20;

/** A guardian's watch of the stack's account, at its real venue, but for the prices: those are the test's, told each moment. */
export interface SteadyWatch {
  /** What the stream tells; undefined: nothing. */
  price: string | undefined;
  /** May be changed while it watches. */
  readonly rules: { -readonly [Name in keyof WatchRules]: WatchRules[Name] };
  close(): Promise<void>;
}

export interface SteadyWatchOptions {
  /** Where a test puts something between the watch and its rows. */
  readonly store?: WatchStore;
  /** Prices are those of the venue's own stream. */
  readonly hasOwnPrices?: boolean;
}

export function steadyWatch(stack: TradingStack, halt: HaltPort, { store, hasOwnPrices = false }: SteadyWatchOptions = {}): SteadyWatch {
  const rules: SteadyWatch['rules'] = {
    ...{ dailyLossWarnRatio: 0.02, dailyLossLimitRatio: 0.03, drawdownWarnRatio: 0.1, drawdownLimitRatio: 0.15 },
    ...{ venueUnreachableMs: WATCH.venueUnreachableMs, noMarketDataMs: WATCH.noMarketDataMs },
    unmarkedPrices: { BNB: '500' as DecimalText },
  };
  const steady: Pick<SteadyWatch, 'price' | 'rules'> = { price: '50000', rules };
  const watchBars: Venue['streams']['watchBars'] = (_, handlers, signal) =>
    new Promise((resolve) => {
      const timer = setInterval(() => {
        if (steady.price !== undefined) handlers.onPrice(INSTRUMENT, steady.price as DecimalText, Date.now());
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
      ...{ kill: () => Promise.resolve(), watchersOf: () => 1, log: { warn: () => undefined } },
    },
    {
      ...{
        account: ACCOUNT,
        venue: hasOwnPrices ? stack.venue : { ...stack.venue, streams: { ...stack.venue.streams, watchBars } },
        quote: 'USDT',
        rules,
      },
      ...{ instruments: [{ instrument: INSTRUMENT, intervalMs: 1_000 }], markMaxAgeMs: 60_000, killPolicy: 'none' },
    },
  );
  return Object.assign(steady, { close: () => watch.close() });
}
