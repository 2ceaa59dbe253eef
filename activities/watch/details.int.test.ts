import { afterAll, beforeAll, expect, it } from 'vitest';
import { readWatch } from '../../api/read/watch.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { ZERO_TEXT, type DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { WATCH } from '../../core/watch/rules.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { createOrderActivities } from '../order/index.js';
import { createResolve } from '../order/resolve.js';
import type { Venue, VenueReader } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { AccountWatch } from './account-watch.js';

const LIMIT_MS = 15_000;
const d = (value: string): DecimalText => value as DecimalText;
const SKEW_MS = -120;
const PRICE_AGE_MS = 1_234;
/** Less than after which the venue is asked again. */
const ANSWER_AGE_MS = 2_345;

let stack: TradingStack;
let halts: HaltStore;
let watch: AccountWatch | undefined;

beforeAll(async () => {
  stack = await openTradingStack();
  halts = openHaltStore(stack.database.url);
  await stack.ledger.stopBeating();
});
afterAll(async () => {
  await watch?.close();
  await halts?.close();
  await stack?.close();
});

it('a sample tells how old what it was made of is, the venue’s clock, which orders are open and what is held beside the quote asset', async () => {
  // Of what is told nothing moves by itself: each age is exactly what it was made.
  let now = Date.now();
  const clock = (): number => now;
  let [reads, price] = [0, '50000'];
  const balances: VenueReader['balances'] = async () => {
    reads += 1;
    return Object.entries({ USDT: '100000', BTC: '2', BNB: '10' }).map(([asset, free]) => ({ asset, free: d(free), locked: ZERO_TEXT }));
  };
  const reader: VenueReader = new Proxy(stack.venue.reader, {
    get: (target, key: keyof VenueReader) => (key === 'balances' ? balances : target[key]),
  });
  const watchBars: Venue['streams']['watchBars'] = (_, handlers, signal) =>
    new Promise((resolve) => {
      const timer = setInterval(() => handlers.onPrice(INSTRUMENT, d(price), { seenTime: now - PRICE_AGE_MS }), 20);
      signal.addEventListener('abort', () => (clearInterval(timer), resolve()), { once: true });
    });
  const live = new StreamedMarket(clock);
  live.seeClock(ACCOUNT, { skewMs: SKEW_MS, roundTripMs: 1 });
  watch = new AccountWatch(
    {
      ...{ store: createWatchStore(stack.pool), halt: halts, bars: stack.ledger.bars, live, clock },
      ...{ kill: () => Promise.resolve(), watchersOf: () => 1, tellNeed: () => undefined, log: { warn: () => undefined } },
    },
    {
      ...{
        account: ACCOUNT,
        venueName: 'paper',
        venue: { ...stack.venue, reader, streams: { ...stack.venue.streams, watchBars } },
        quote: 'USDT',
      },
      ...{ instruments: [{ instrument: INSTRUMENT, intervalMs: 1_000 }], markMaxAgeMs: 60_000 },
      settings: { venueUnreachableMs: WATCH.venueUnreachableMs, noMarketDataMs: WATCH.noMarketDataMs, unmarkedPrices: { BNB: d('500') } },
    },
  );
  /** As `keelson watch` and `GET /v1/watch` show it. */
  const shows = (venueMs: number, exposure: string, openOrders = 0): Promise<void> =>
    eventually(async () => {
      const [seen] = await readWatch(stack.pool);
      expect(seen).toMatchObject({
        account: ACCOUNT,
        exposure,
        details: {
          ...{ openOrders, clockSkewMs: SKEW_MS, ages: { venueMs, marketDataMs: PRICE_AGE_MS }, balancesMs: venueMs },
          ...{ pricesMs: { [INSTRUMENT]: PRICE_AGE_MS }, withoutMark: [], unmarked: [{ asset: 'BNB', quantity: '10', value: '5000' }] },
        },
      });
    }, LIMIT_MS);

  // Two of the coin; what counts by a rule of the account has no mark, and is told beside.
  await shows(0, '100000');
  const asked = reads;
  now += ANSWER_AGE_MS;
  price = '51000';
  await shows(ANSWER_AGE_MS, '102000');
  expect(reads).toBe(asked);

  // An order counts as open from when it is authorised until it is final.
  const signal = stack.signal('open', 1_000);
  expect(await createOrderActivities(stack.dependencies).authorise(signal)).toMatchObject({ kind: 'authorised' });
  await shows(ANSWER_AGE_MS, '102000', 1);
  expect((await createResolve(stack.dependencies)(intentIdOf(signal))).order).toMatchObject({ status: 'expired', isFinal: true });
  await shows(ANSWER_AGE_MS, '102000');
});
