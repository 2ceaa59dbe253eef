import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { ZERO_TEXT, type DecimalText } from '../../core/money/index.js';
import { UNWATCHED } from '../../core/watch/sample.js';
import { WATCH } from '../../core/watch/rules.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import type { Venue, VenueReader } from '../ports/venue.js';
import type { WatchInputs, WatchStore } from '../ports/watch.js';
import { StreamedMarket } from '../streams/live-market.js';
import { AccountWatch } from './account-watch.js';

const ACCOUNT = 'main';
/** The pace that people are promised. */
const AT_LEAST_EACH_MS = 1_000;
const WATCHED_MS = 10_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** @returns when each sample was written that a watch makes within ten seconds at such a venue, by its clock */
async function writtenAt(balances: VenueReader['balances']): Promise<readonly number[]> {
  const written: number[] = [];
  const began = Date.now();
  let isOver = false;
  const read: WatchStore['read'] = async () => {
    const booked = { deposited: {}, withdrawn: {}, before: {}, after: {}, traded: {}, given: {}, early: {} };
    const of = { lastTime: undefined, mode: 'normal', hold: undefined, latch: 'none', unnotedHalt: undefined, ledger: {}, booked };
    const row = { version: String(written.length), state: UNWATCHED, openOrders: 0, limitRows: [], booking: '0', held: [], closes: {} };
    return { ...of, ...row, now: Date.now(), comparedTime: Date.now(), missingKill: undefined, seenAges: undefined } as WatchInputs;
  };
  const store: WatchStore = {
    ...{ read, fillsBetween: async () => [] },
    async write() {
      if (!isOver) written.push(Date.now() - began);
      return true;
    },
  };
  const reader = { balances };
  const streams = { watchBars: () => Promise.resolve() };
  const weight = (): VenueWeight => ({ kind: 'untold' });
  const venue = { profile: BINANCE, reader, streams, weight } as unknown as Venue;
  const [halt, bars] = [{ latch: () => Promise.reject(new Error('nothing is lost')) }, { saveSnapshot: async () => undefined }];
  const settings = { venueUnreachableMs: WATCH.venueUnreachableMs, noMarketDataMs: WATCH.noMarketDataMs, unmarkedPrices: {} };
  const failed: string[] = [];
  const watch = new AccountWatch(
    {
      ...{
        store,
        halt,
        bars,
        live: new StreamedMarket(Date.now),
        clock: Date.now,
        kill: () => Promise.resolve(),
        watchersOf: () => 1,
        tellNeed: () => undefined,
      },
      log: { warn: (data, message) => void failed.push(`${message} ${JSON.stringify(data)}`) },
    },
    { account: ACCOUNT, venueName: 'paper', venue, quote: 'USDT', instruments: [], markMaxAgeMs: 60_000, settings },
  );
  await vi.advanceTimersByTimeAsync(WATCHED_MS);
  isOver = true;
  // A sample that is under way comes to its end.
  const closed = watch.close();
  await vi.advanceTimersByTimeAsync(AT_LEAST_EACH_MS);
  await closed;
  expect(failed).toEqual([]);
  return written;
}

it.each<[string, VenueReader['balances']]>([
  ['that answers at once', async () => [{ asset: 'USDT', free: '1000' as DecimalText, locked: ZERO_TEXT }]],
  ['that never answers', () => new Promise(() => undefined)],
])('an account is sampled at least each second, at a venue %s', async (_, balances) => {
  expect(WATCH.sampleMs).toBeLessThanOrEqual(AT_LEAST_EACH_MS);
  const written = await writtenAt(balances);
  expect(written.length).toBeGreaterThanOrEqual(WATCHED_MS / AT_LEAST_EACH_MS);
  const between = written.map((time, index) => time - (written[index - 1] ?? 0));
  expect(Math.max(...between)).toBeLessThanOrEqual(AT_LEAST_EACH_MS);
});
