import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect } from 'vitest';
import type { BarRange, Events } from '../../activities/ports/store.js';
import type { Venue, VenueStreams } from '../../activities/ports/venue.js';
import { streamBars } from '../../activities/streams/bars.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { StandIn } from '../../activities/streams/stand-in.js';
import { StrategyRunner } from '../../activities/streams/strategy-runner.js';
import type { Bar } from '../../core/bars/bar.js';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { Strategy } from '../../core/strategy/strategy.js';
import { eventually } from './eventually.js';

const INTERVAL_MS = 1_000;
const SIGNAL_VALID_MS = 800;
export const bar = (index: number): Bar => ({
  instrument: 'BTC/USDT',
  intervalMs: INTERVAL_MS,
  openTime: index * INTERVAL_MS,
  closeTime: (index + 1) * INTERVAL_MS - 1,
  open: '1' as DecimalText,
  high: '1' as DecimalText,
  low: '1' as DecimalText,
  close: String(100 + index) as DecimalText,
  volume: '0' as DecimalText,
});
export const unavailable = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'klines', detail: 'gone' });

type Handlers = Parameters<VenueStreams['watchBars']>[1];

/**
 * A bar stream in Temporal's own test environment, with a venue and a store of which the test decides everything. Indices and bars are in the
 * venue's time.
 * @param skewMs how far the venue's clock is ahead of ours, as was measured
 */
export function barStream(strategies = ['momentum'], firstIndex = 10, skewMs = 0) {
  // A signal of the newest bar would be valid no more.
  let now = firstIndex * INTERVAL_MS + 900;
  let handlers: Handlers | undefined;
  /** What happens while the stream is being subscribed to. */
  let meanwhile = (): void => undefined;
  /** What the store has had since before the stream began. */
  let past: readonly Bar[] = [];
  /** What REST shows: by default every bar that has closed. */
  let shows = (index: number): boolean => bar(index).closeTime <= now;
  let fails: Error | undefined;
  let failsEach = Number.POSITIVE_INFINITY;
  const requests: number[] = [];
  const stored = new Map<number, 'stream' | 'rest'>();
  /** What was noted as not to be had, by index. */
  const absent: (readonly [number, number])[] = [];
  const isKnown = (index: number): boolean =>
    stored.has(index) ||
    past.some((one) => one.openTime === index * INTERVAL_MS) ||
    absent.some(([from, to]) => index >= from && index <= to);
  const audit: { readonly kind: string; readonly data: object }[] = [];
  const warnings: string[] = [];
  const signals: TradeSignal[] = [];
  const windows: number[][] = [];
  const stopping = new AbortController();
  const standIn = new StandIn();
  let isActive = async (): Promise<boolean> => true;

  const strategy = (id: string): Strategy => ({
    id,
    version: '1',
    lookbackBars: 5,
    featureNames: [],
    step: (window) => {
      windows.push(window.map(({ openTime }) => openTime / INTERVAL_MS));
      return { intent: 'close', stance: 'flat', features: [], stopDistanceRatio: 0.02, reason: 'always' };
    },
  });
  const ours = (): number => now - skewMs;
  const market = new StreamedMarket(ours);
  market.seeClock('main', { skewMs, roundTripMs: 0 });
  const runners = strategies.map(
    (id) =>
      new StrategyRunner({
        account: 'main',
        strategy: strategy(id),
        instrument: 'BTC/USDT',
        intervalMs: INTERVAL_MS,
        model: { hash: '', threshold: 0, featureNames: [], trainedFrom: '', trainedTo: '', score: () => Promise.resolve(1) },
        threshold: 0,
        signalValidMs: SIGNAL_VALID_MS,
        isHalted: () => false,
        sink: { trade: async (signal) => void signals.push(signal), wouldTrade: async () => false, notTraded: async () => {} },
        clock: () => market.venueNow('main'),
      }),
  );
  const venue = {
    reader: {
      async bars(_: string, __: number, from: number, limit: number) {
        requests.push(from / INTERVAL_MS);
        if (fails !== undefined) throw fails;
        if (requests.length % failsEach === 0) throw unavailable;
        const first = Math.max(0, from / INTERVAL_MS);
        return Array.from({ length: Math.max(0, now / INTERVAL_MS - first) }, (___, at) => first + at)
          .filter((index) => shows(index))
          .slice(0, limit)
          .map(bar);
      },
    },
    streams: {
      watchBars: (_: object, given: Handlers, signal: AbortSignal) => {
        handlers = given;
        meanwhile();
        return new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));
      },
    },
  } as unknown as Venue;
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  const run = (): Promise<void> =>
    environment.run(
      streamBars,
      {
        venueOf: () => venue,
        venueNameOf: () => 'paper',
        bars: {
          async saveBars(_: string, bars: readonly Bar[], source: 'stream' | 'rest') {
            for (const { openTime } of bars) if (!stored.has(openTime / INTERVAL_MS)) stored.set(openTime / INTERVAL_MS, source);
          },
          lastBars: async () => [...past],
          async newestHoles({ before, span }: { readonly before: number; readonly span: number }) {
            const holes: BarRange[] = [];
            const isIn = (from: number): boolean => holes.length === 0 || from * INTERVAL_MS > (holes[0]?.to ?? 0) - span * INTERVAL_MS;
            for (let to = before / INTERVAL_MS - 1; to >= 0; to -= 1) {
              if (isKnown(to)) continue;
              let from = to;
              while (from > 0 && !isKnown(from - 1)) from -= 1;
              if (from > 0 && isIn(from)) holes.push({ from: from * INTERVAL_MS, to: to * INTERVAL_MS });
              to = from;
            }
            return holes.length === 0 ? undefined : { isNew: true, holes };
          },
          noteAbsent: async ({ ranges }: { readonly ranges: readonly BarRange[] }) =>
            void absent.push(...ranges.map(({ from, to }) => [from / INTERVAL_MS, to / INTERVAL_MS] as const)),
        },
        store: { openIncident: async (events: Events) => void audit.push(...(events.audit ?? [])), tellEpisodes: async () => undefined },
        market,
        runnersOf: () => runners,
        isActive: () => isActive(),
        standIn,
        clock: ours,
        stopping: stopping.signal,
        log: { warn: (data: { error?: string }, message: string) => void warnings.push(`${message}: ${data.error ?? ''}`) },
      },
      'main',
      INTERVAL_MS,
    );
  const ready = (): Promise<void> => eventually(() => expect(handlers).toBeDefined());
  /** Closes a bar and lets everything that follows from it happen. */
  const close = async (index: number): Promise<void> => {
    now = bar(index).closeTime + 1;
    handlers?.onBar({ bar: bar(index), seenTime: ours() });
    await turns();
  };
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  return {
    run,
    ready,
    close,
    market,
    environment,
    stopping,
    stored,
    audit,
    absent,
    warnings,
    signals,
    windows,
    requests,
    beats: () => beats,
    turns,
    advance: (ms: number) => void (now += ms),
    subscribing: (what: () => void) => void (meanwhile = what),
    /** A frame of a bar that is open still. */
    async price() {
      handlers?.onPrice('BTC/USDT', '1' as DecimalText, { seenTime: ours() });
      await turns();
    },
    lose: () => handlers?.onGap('a test'),
    remember: (bars: readonly Bar[]) => void (past = bars),
    show: (rule: (index: number) => boolean) => void (shows = rule),
    activeIf: (told: () => Promise<boolean>) => void (isActive = told),
    fail: (error: Error | undefined) => void (fails = error),
    /** Each n-th request is not answered. */
    failEach: (count: number) => void (failsEach = count),
    /** Ends the stream as a cancellation does, and waits until everything is written. */
    async end(running: Promise<void>) {
      environment.cancel();
      await expect(running).rejects.toThrow(/^CANCEL+ED$/);
    },
  };
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
export const missing = ({ stored }: ReturnType<typeof barStream>, from: number, to: number): number[] =>
  range(from, to).filter((index) => !stored.has(index));
