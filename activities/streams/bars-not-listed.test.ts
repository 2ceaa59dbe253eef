import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { Strategy } from '../../core/strategy/strategy.js';
import type { EpisodeSight } from '../ports/store.js';
import type { Venue, VenueStreams } from '../ports/venue.js';
import { streamBars, type BarStreamDependencies } from './bars.js';
import { StreamedMarket } from './live-market.js';
import { StandIn } from './stand-in.js';
import { StrategyRunner } from './strategy-runner.js';

const MINUTE = 60_000;
const LOOKBACK = 3;
const price = '1' as DecimalText;
const bar = (instrument: string, openTime: number): Bar => ({
  ...{ instrument, intervalMs: MINUTE, openTime, closeTime: openTime + MINUTE - 1 },
  ...{ open: price, high: price, low: price, close: price, volume: price },
});

/** What the venue says to who asks for the bars of an instrument; without an error they come. */
let errors: Map<string, Error>;
let asked: string[];
let read: (readonly string[] | undefined)[];
let told: EpisodeSight[];
/** Lengths of the windows that the strategy has seen, by instrument. */
let windows: Map<string, number[]>;
let handlers: Parameters<VenueStreams['watchBars']>[1] | undefined;
let watched: readonly string[];
let environment: MockActivityEnvironment;
let running: Promise<void>;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_040_000 });
  [errors, asked, read, told, windows, handlers, watched] = [new Map(), [], [], [], new Map(), undefined, []];
  environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
});
afterEach(async () => {
  environment.cancel();
  await Promise.allSettled([running]);
  vi.useRealTimers();
});

const strategy = (instrument: string): Strategy => ({
  ...{ id: 'momentum', version: '1', lookbackBars: LOOKBACK, featureNames: [] },
  step: (window) => {
    windows.set(instrument, [...(windows.get(instrument) ?? []), window.length]);
    return { intent: 'none', stance: 'undecided', features: [], stopDistanceRatio: 0.02, reason: 'never' };
  },
});
const runner = (instrument: string): StrategyRunner =>
  new StrategyRunner({
    ...{ account: 'main', strategy: strategy(instrument), instrument, intervalMs: MINUTE, threshold: 0, signalValidMs: MINUTE },
    model: { hash: '', threshold: 0, featureNames: [], trainedFrom: '', trainedTo: '', score: async () => 1 },
    sink: { trade: async () => undefined, wouldTrade: async () => false, notTraded: async () => undefined },
    clock: Date.now,
  });

function begin(...instruments: readonly string[]): void {
  const runners = instruments.map(runner);
  const reader: Partial<Venue['reader']> = {
    async bars(instrument, _, from) {
      asked.push(instrument);
      const error = errors.get(instrument);
      if (error !== undefined) throw error;
      return Array.from({ length: 20 }, (__, at) => bar(instrument, from + at * MINUTE)).filter((one) => one.closeTime < Date.now());
    },
    instruments: async (also) => (read.push(also), []),
  };
  const streams: Partial<VenueStreams> = {
    watchBars: (options, given, signal) => {
      [watched, handlers] = [options.instruments, given];
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
  const dependencies: Partial<Record<keyof BarStreamDependencies, unknown>> = {
    ...{ venueOf: () => ({ reader, streams }), venueNameOf: () => 'paper', runnersOf: () => runners, isActive: async () => true },
    bars: { saveBars: async () => undefined, lastBars: async () => [], newestHoles: async () => undefined },
    store: { openIncident: async () => undefined, tellEpisodes: async (sight: EpisodeSight) => void told.push(sight) },
    ...{ market: new StreamedMarket(Date.now), standIn: new StandIn(), clock: Date.now, log: { warn: () => undefined } },
    stopping: new AbortController().signal,
  };
  running = environment.run(streamBars, dependencies as BarStreamDependencies, 'main', MINUTE);
  running.catch(() => undefined);
}

const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
/** The bars of this minute close in the stream. */
async function close(...instruments: readonly string[]): Promise<void> {
  const openTime = Math.floor(Date.now() / MINUTE) * MINUTE;
  await passes(openTime + MINUTE - Date.now());
  for (const instrument of instruments) handlers?.onBar({ bar: bar(instrument, openTime), seenTime: Date.now() });
  await passes(0);
}
const unlisted = (instrument: string): KeelsonError => new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: 'paper', instrument });
const gone = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'bars', detail: 'gone' });

it('one instrument that is not listed holds up no other; people are told, and it comes back when it is listed again', async () => {
  errors.set('GONE/USD', unlisted('GONE/USD'));
  begin('GONE/USD', 'BTC/USD');
  await passes(1_000);
  expect(watched).toEqual(['GONE/USD', 'BTC/USD']);
  await close('BTC/USD');
  expect(new Set(windows.get('BTC/USD'))).toEqual(new Set([LOOKBACK]));
  expect(told.length).toBeGreaterThan(0);
  for (const { kind, seen } of told) expect([kind, seen.map(({ subject }) => subject)]).toEqual(['instrumentNotListed', ['GONE/USD']]);
  // Our own list of the venue's instruments is read anew, twice a minute and not more often.
  await passes(2 * MINUTE);
  expect(read.length).toBeGreaterThanOrEqual(4);
  expect(read.length).toBeLessThanOrEqual(6);
  expect(read.at(-1)).toEqual(['GONE/USD']);

  errors.clear();
  await passes(31_000);
  await close('GONE/USD', 'BTC/USD');
  expect(new Set(windows.get('GONE/USD'))).toEqual(new Set([LOOKBACK]));
  const before = read.length;
  await passes(5 * MINUTE);
  expect(read).toHaveLength(before);
});

it('one instrument whose bars are not answered holds up no other, and is soon asked for again', async () => {
  errors.set('ETH/USD', gone);
  begin('ETH/USD', 'BTC/USD');
  await passes(1_000);
  await close('BTC/USD');
  expect(new Set(windows.get('BTC/USD'))).toEqual(new Set([LOOKBACK]));
  errors.clear();
  await passes(6_000);
  await close('ETH/USD', 'BTC/USD');
  expect(new Set(windows.get('ETH/USD'))).toEqual(new Set([LOOKBACK]));
  expect([told, read]).toEqual([[], []]);
});

it('a venue that answers for none of them ends the stream, so that it is taken up anew', async () => {
  errors.set('ETH/USD', gone).set('BTC/USD', gone);
  begin('ETH/USD', 'BTC/USD');
  await expect(running).rejects.toBe(gone);
  expect(handlers).toBeUndefined();
});

it('an account whose only instrument is not listed waits for it', async () => {
  errors.set('GONE/USD', unlisted('GONE/USD'));
  begin('GONE/USD');
  await passes(MINUTE);
  expect(told.length).toBeGreaterThan(0);
  errors.clear();
  await passes(31_000);
  await close('GONE/USD');
  expect(new Set(windows.get('GONE/USD'))).toEqual(new Set([LOOKBACK]));
});
