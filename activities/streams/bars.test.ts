import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { Strategy } from '../../core/strategy/strategy.js';
import type { BarRange, Events } from '../ports/store.js';
import type { Venue, VenueStreams } from '../ports/venue.js';
import { streamBars } from './bars.js';
import { StreamedMarket } from './live-market.js';
import { StandIn } from './stand-in.js';
import { StrategyRunner } from './strategy-runner.js';
import { eventually } from '../../test/support/eventually.js';

const INTERVAL_MS = 1_000;
const HOUR_MS = 3_600_000;
const bar = (index: number): Bar => ({
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
const unavailable = new KeelsonError('VENUE_UNAVAILABLE', { venue: 'paper', call: 'klines', detail: 'gone' });

type Handlers = Parameters<VenueStreams['watchBars']>[1];

/** A bar stream in Temporal's own test environment, with a venue and a store of which the test decides everything. */
function open(strategies = ['momentum'], firstIndex = 10) {
  let now = firstIndex * INTERVAL_MS;
  let handlers: Handlers | undefined;
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
  const runners = strategies.map(
    (id) =>
      new StrategyRunner({
        account: 'main',
        strategy: strategy(id),
        instrument: 'BTC/USDT',
        intervalMs: INTERVAL_MS,
        model: { hash: '', threshold: 0, featureNames: [], trainedFrom: '', trainedTo: '', score: () => Promise.resolve(1) },
        threshold: 0,
        signalValidMs: 2_000,
        sink: { trade: async (signal) => void signals.push(signal), wouldTrade: async () => false, notTraded: async () => {} },
        clock: () => now,
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
        return new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));
      },
    },
  } as unknown as Venue;
  const market = new StreamedMarket(() => now);
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
        clock: () => now,
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
    handlers?.onBar({ bar: bar(index), receivedTime: now });
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

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const missing = ({ stored }: ReturnType<typeof open>, from: number, to: number): number[] =>
  range(from, to).filter((index) => !stored.has(index));

describe('streamBars', () => {
  it('warms up by REST without a signal, then decides at each close and stores each bar once', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    expect(feed.signals).toEqual([]);
    await feed.close(10);
    await feed.close(11);
    await feed.close(11);
    await feed.end(running);
    expect(feed.windows).toEqual([
      [6, 7, 8, 9, 10],
      [7, 8, 9, 10, 11],
    ]);
    expect([...feed.stored].filter(([index]) => index >= 9)).toEqual([
      [9, 'rest'],
      [10, 'stream'],
      [11, 'stream'],
    ]);
    expect(feed.market.view('main', 'BTC/USDT').price?.price).toBe('111');
    expect(feed.audit).toEqual([]);
  });

  it('fills a gap by REST, marks it once, and the missed bars cause no signals', async () => {
    const feed = open(['one', 'two']);
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.requests.length = 0;
    await feed.close(13);
    await feed.end(running);
    expect(feed.audit).toEqual([
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 11_000, to: 12_000, filled: 2 } },
    ]);
    expect(feed.requests).toEqual([11]);
    expect(feed.signals.map(({ strategy, barCloseTime }) => [strategy, barCloseTime])).toEqual([
      ['one', 10_999],
      ['two', 10_999],
      ['one', 13_999],
      ['two', 13_999],
    ]);
    expect(feed.windows.slice(2)).toEqual([
      [9, 10, 11, 12, 13],
      [9, 10, 11, 12, 13],
    ]);
    expect([feed.stored.get(11), feed.stored.get(12), feed.stored.get(13)]).toEqual(['rest', 'rest', 'stream']);
  });

  it('bars that closed between the warm-up and the first frame are filled without a word; a gap after it is told', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(12);
    expect(feed.windows.at(-1)).toEqual([8, 9, 10, 11, 12]);
    expect(feed.audit).toEqual([]);
    await feed.close(15);
    await feed.end(running);
    expect(feed.audit).toMatchObject([{ kind: 'bars.gap' }]);
  });

  it('a hole of more than one request’s bars is filled whole', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    await feed.close(1_300);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([1_296, 1_297, 1_298, 1_299, 1_300]);
    expect(Array.from({ length: 1_300 }, (_, index) => index).filter((index) => index > 4 && !feed.stored.has(index))).toEqual([]);
    expect(feed.audit).toMatchObject([{ data: { filled: 1_289 } }]);
  });

  it('a hole of more requests than the venue answers in a row is filled by going on where it failed', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.requests.length = 0;
    feed.failEach(3);
    for (const index of [2_300, 2_301, 2_302]) await feed.close(index);
    await feed.end(running);
    // Two pages, then none; two more, then none; the last.
    expect(feed.requests).toEqual([11, 511, 1_011, 1_011, 1_511, 2_011, 2_011]);
    expect(feed.windows.at(-1)).toEqual([2_298, 2_299, 2_300, 2_301, 2_302]);
    expect(Array.from({ length: 2_302 }, (_, index) => index).filter((index) => index > 4 && !feed.stored.has(index))).toEqual([]);
    expect(feed.audit).toMatchObject([{ data: { from: 11_000, to: 2_301_000, filled: 2_291 } }]);
  });

  it('what closed while nobody listened is stored and marked, once, also where no strategy needs it', async () => {
    const feed = open(['one', 'two'], 1_300);
    feed.remember([bar(1), bar(2)]);
    const running = feed.run();
    await feed.ready();
    await feed.close(1_300);
    await eventually(() => expect(missing(feed, 3, 1_299)).toEqual([]));
    await feed.end(running);
    expect(feed.stored.get(3)).toBe('rest');
    expect(feed.audit).toEqual([
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 3_000, to: 1_293_000, missing: 1_291 } },
    ]);
    expect(feed.windows.at(-1)).toEqual([1_296, 1_297, 1_298, 1_299, 1_300]);
  });

  it('a venue that cannot be asked then is asked again with the next bar', async () => {
    const feed = open(['one'], 100);
    feed.remember([bar(2)]);
    const running = feed.run();
    await feed.ready();
    feed.fail(unavailable);
    await feed.close(100);
    feed.fail(undefined);
    expect(feed.stored.has(3)).toBe(false);
    await feed.close(101);
    await eventually(() => expect([feed.stored.get(3), feed.stored.get(93)]).toEqual(['rest', 'rest']));
    await feed.end(running);
    expect(feed.audit).toHaveLength(1);
  });

  it('a page is stored as it comes: a feed that ends in the middle of a hole leaves the rest only', async () => {
    const feed = open(['one'], 1_300);
    feed.remember([bar(1), bar(2)]);
    const running = feed.run();
    await feed.ready();
    // One for the window, one for the first page.
    feed.failEach(3);
    await feed.close(1_300);
    await eventually(() => expect(feed.warnings).toEqual([expect.stringContaining('past bars of BTC/USDT failed')]));
    await feed.end(running);
    expect(missing(feed, 3, 1_293)).toEqual(range(503, 1_293));
    expect(feed.audit).toHaveLength(1);
  });

  it('what the venue does not have is noted, and asked for no more', async () => {
    const feed = open(['one'], 100);
    feed.remember([...range(1, 20), ...range(80, 90)].map(bar));
    feed.show((index) => (index < 30 || index > 40) && (index < 70 || index > 79));
    const running = feed.run();
    await feed.ready();
    await feed.close(100);
    const noted = [
      [30, 40],
      [70, 79],
    ];
    await eventually(() => expect(feed.absent).toEqual(noted));
    await feed.close(101);
    await feed.end(running);
    expect(feed.absent).toEqual(noted);
    expect(missing(feed, 21, 79)).toEqual([...range(30, 40), ...range(70, 79)]);
  });

  it('a venue that shows nothing at all says nothing of what it has: the next feed asks', async () => {
    const feed = open(['one'], 100);
    feed.remember(range(1, 20).map(bar));
    const running = feed.run();
    await feed.ready();
    feed.show(() => false);
    await feed.close(100);
    await eventually(() => expect(feed.warnings).toEqual([expect.stringContaining('shows nothing from 21000 on')]));
    const { length } = feed.requests;
    await feed.close(101);
    await feed.end(running);
    expect(feed.absent).toEqual([]);
    expect(feed.requests).toHaveLength(length);
  });

  it('decides nothing while the venue cannot be asked, and everything is made good when it can', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.fail(unavailable);
    await feed.close(12);
    expect(feed.signals).toHaveLength(1);
    expect(feed.warnings[0]).toMatch(/bar 12000 of BTC\/USDT failed/);
    feed.fail(undefined);
    await feed.close(13);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([9, 10, 11, 12, 13]);
    expect([...feed.stored.keys()].filter((index) => index > 10)).toEqual(expect.arrayContaining([11, 12, 13]));
  });

  it('bars that REST does not show yet are waited for: the window is not thrown away', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.show((index) => index <= 11);
    await feed.close(13);
    expect(feed.signals).toHaveLength(1);
    feed.show(() => true);
    await feed.close(14);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([10, 11, 12, 13, 14]);
  });

  it('a hole that the venue itself has begins the window anew', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.show((index) => index !== 12);
    await feed.close(13);
    await feed.close(14);
    await feed.end(running);
    expect(feed.windows.slice(1)).toEqual([[13, 14]]);
  });

  it('a strategy that fails is told and does not stop the others', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    feed.signals.push = () => {
      throw new Error('the sink broke');
    };
    await feed.close(10);
    await feed.end(running);
    expect(feed.warnings).toEqual(['bar 10000 of BTC/USDT failed: the sink broke']);
    expect(feed.stored.get(10)).toBe('stream');
  });
});

describe('the life of a stream activity', () => {
  afterEach(() => void vi.useRealTimers());

  it('beats each second and returns by itself after an hour', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const feed = open();
    const running = feed.run();
    await vi.advanceTimersByTimeAsync(5_500);
    expect(feed.beats()).toBe(5);
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    await expect(running).resolves.toBeUndefined();
    const beats = feed.beats();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(feed.beats()).toBe(beats);
  });

  it('a worker that stops hands over: the failure is one that is tried again', async () => {
    const feed = open();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.stopping.abort();
    await expect(running).rejects.toMatchObject({ type: 'WORKER_STOPS', nonRetryable: false });
    expect(feed.stored.get(10)).toBe('stream');
  });
});

describe('P2: a build that is not the active one', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());
  const OFFERED = { type: 'STRATEGY_INACTIVE', nonRetryable: false, nextRetryDelay: 200 };

  it('offers its stream to the others as soon as it has become so; what it read is stored', async () => {
    const feed = open();
    const running = feed.run();
    const ended = running.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);
    await feed.close(10);
    feed.activeIf(async () => false);
    await vi.advanceTimersByTimeAsync(500);
    expect(await ended).toMatchObject(OFFERED);
    expect(feed.stored.get(10)).toBe('stream');
  });

  it('reads for longer and longer turns where nobody takes the stream, and offers it again after each', async () => {
    const feed = open();
    feed.activeIf(async () => false);
    for (const turnMs of [2_000, 4_000, 8_000, 8_000, 8_000]) {
      const firstRead = feed.requests.length;
      for (let offer = 0; offer < 5; offer += 1) await expect(feed.run()).rejects.toMatchObject(OFFERED);
      expect(feed.requests).toHaveLength(firstRead);
      let isOver = false;
      const turn = feed.run().catch((error: unknown) => {
        isOver = true;
        return error;
      });
      await vi.advanceTimersByTimeAsync(turnMs - 500);
      expect({ turnMs, isOver, hasRead: feed.requests.length > firstRead }).toEqual({ turnMs, isOver: false, hasRead: true });
      await vi.advanceTimersByTimeAsync(500);
      expect(await turn).toMatchObject(OFFERED);
    }
  });

  it('keeps the stream once it is the active one again, and where that cannot be asked', async () => {
    const feed = open();
    feed.activeIf(async () => false);
    await expect(feed.run()).rejects.toMatchObject(OFFERED);
    feed.activeIf(() => Promise.reject(unavailable));
    const running = feed.run();
    await vi.advanceTimersByTimeAsync(5_000);
    feed.activeIf(async () => true);
    await vi.advanceTimersByTimeAsync(5_000);
    await feed.end(running);
  });
});
