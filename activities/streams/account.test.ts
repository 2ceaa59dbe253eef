import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import type { WireProfile } from '../../adapters/venue/profiles/wire-profile.js';
import { venueStreams } from '../../adapters/venue/streams.js';
import { KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { allowedAMinute, pollPlan } from '../../core/venue/poll-plan.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import type { Reconciliations } from '../ports/reconcile.js';
import type { EpisodeSight, Events, WatchedOrder } from '../ports/store.js';
import type { StreamEvent, Venue, VenueFill, VenueOrder, VenueReader } from '../ports/venue.js';
import { WATCH } from '../../core/watch/rules.js';
import { VenueSight } from '../watch/venue-sight.js';
import { streamAccount, type AccountStreamDependencies } from './account.js';
import { StreamedMarket } from './live-market.js';

const MINUTES = 20;
const INSTRUMENTS = ['BTC/USD', 'ETH/USD', 'SOL/USD'];

beforeEach(() => void vi.useFakeTimers({ now: 1_700_000_000_000 }));
afterEach(() => void vi.useRealTimers());

type Count = Record<keyof WireProfile['readWeights'], number>;

/** An account with so many orders at rest, in which nothing happens; it counts what is asked for. */
function quietAccount(
  profile: WireProfile,
  resting: number,
  watchers = 1,
): { readonly dependencies: AccountStreamDependencies; readonly count: Count } {
  const count = { openOrders: 0, lookUp: 0, fills: 0, balances: 0 };
  const asked = (call: keyof typeof count) => async (): Promise<never[]> => ((count[call] += 1), []);
  const orders = Array.from({ length: resting }, (_, index) => ({
    intentId: `stop:${index}`,
    instrument: INSTRUMENTS[0],
    clientOrderId: `c${index}`,
    venueOrderId: `o${index}`,
    status: 'accepted',
    ageMs: 3_600_000,
    unchangedMs: 3_600_000,
    whyWithdrawn: null,
    triggeredTime: null,
    workingUntil: null,
  })) as WatchedOrder[];
  const listed = orders.map((order) => ({ ...order, executedQuantity: '0' })) as unknown as readonly VenueOrder[];
  const reader = {
    openOrders: async () => ((count.openOrders += 1), listed),
    fills: asked('fills'),
    balances: asked('balances'),
    // It costs next to nothing at any venue.
    clock: async () => ({ venueTime: Date.now(), skewMs: 0, aheadOfMonotonicMs: Date.now() - performance.now(), roundTripMs: 0 }),
    instruments: async () => INSTRUMENTS.map((instrument) => ({ instrument, trading: true }) as InstrumentRules),
  } as Partial<VenueReader> as VenueReader;
  const clock = Date.now;
  const closed = new AbortController().signal;
  const never = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const parts = { profile, reader, clock, venueNow: clock, closed } as Partial<Parameters<typeof venueStreams>[0]>;
  const polled = venueStreams(parts as Parameters<typeof venueStreams>[0]);
  const untilAborted: Venue['streams']['watchBars'] = (_options, _handlers, signal) => never(signal);
  const silent: Venue['streams']['watchAccount'] = (_, signal) => never(signal);
  const streams = { ...polled, watchBars: untilAborted, ...(profile.streams.account ? { watchAccount: silent } : {}) };
  const weight = (): VenueWeight => ({ kind: 'untold' });
  const lastClock: Venue['lastClock'] = () => ({ venueTime: clock(), skewMs: 0, aheadOfMonotonicMs: 0, roundTripMs: 1 });
  const venue = { profile, reader, streams, weight, lastClock } as Partial<Venue> as Venue;
  const dependencies = {
    books: {
      store: { watchedOrders: async () => orders, orderByVenueIds: async () => undefined, tellEpisodes: async () => undefined },
      epoch: 1,
    },
    venueOf: () => venue,
    venueNameOf: () => 'desk',
    bars: { saveInstruments: async () => [] },
    resolve: asked('lookUp'),
    protection: { held: async () => [], unprotected: async () => [], endTakenStops: async () => undefined },
    owners: { wake: async () => undefined, revive: async () => false },
    tradedOf: () => INSTRUMENTS.map((instrument) => ({ instrument, intervalMs: 60_000 })),
    watchersOf: () => watchers,
    clock,
    stopping: new AbortController().signal,
    log: { warn: (data: object, message: string) => expect.fail(`${message} ${JSON.stringify(data)}`) },
  } as unknown as AccountStreamDependencies;
  return { dependencies, count };
}

/** Watches the account while `meanwhile` lets time go by. The activity returns after an hour, and its workflow begins it again. */
async function watching(dependencies: AccountStreamDependencies, meanwhile: () => Promise<void>): Promise<void> {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) await environment.run(streamAccount, dependencies, 'main').catch(() => undefined);
  };
  const running = watch();
  await meanwhile();
  isOver = true;
  environment.cancel();
  await vi.advanceTimersByTimeAsync(60_000);
  await running;
}

/** What is asked for in twenty minutes. */
async function counted(profile: WireProfile, resting: number, watchers = 1): Promise<Count> {
  const { dependencies, count } = quietAccount(profile, resting, watchers);
  const { clock, tradedOf, venueOf } = dependencies;
  const store = { read: async () => undefined, fillsBetween: async () => [] };
  const failed = (error: unknown): void => expect.fail(String(error));
  const live = new StreamedMarket(clock);
  const watched = { account: 'main', venue: venueOf('main'), instruments: tradedOf('main'), settings: WATCH };
  const sight = new VenueSight({ ...watched, watchers: () => watchers, store, live, clock, failed });
  const sampling = setInterval(() => void sight.lookIfDue(resting), 1_000);
  await watching(dependencies, async () => {
    // What a start costs is not what it costs for long.
    await vi.advanceTimersByTimeAsync(60_000);
    Object.assign(count, { openOrders: 0, lookUp: 0, fills: 0, balances: 0 });
    await vi.advanceTimersByTimeAsync(MINUTES * 60_000);
  });
  clearInterval(sampling);
  await sight.close();
  return count;
}

it.each([
  ['kraken', KRAKEN, 0, 1],
  ['kraken', KRAKEN, 1, 1],
  ['kraken', KRAKEN, 40, 1],
  ['kraken', KRAKEN, 0, 2],
  ['kraken', KRAKEN, 40, 2],
  ['kraken', KRAKEN, 40, 3],
  ['binance', BINANCE, 1, 1],
  ['binance', BINANCE, 60, 1],
  ['binance', BINANCE, 60, 2],
] as const)('%s: a watch over an account stays within its part of the share of all (%#)', async (_, profile, resting, watchers) => {
  const count = await counted(profile, resting, watchers);
  const { openOrders, lookUp, fills, balances } = profile.readWeights;
  const spent = count.openOrders * openOrders + count.lookUp * lookUp + count.fills * fills + count.balances * balances;
  // One of each may be at the edge of the time that is looked at.
  const edge = openOrders + lookUp * (profile.streams.account ? resting : 1) + fills * INSTRUMENTS.length + balances;
  expect(spent).toBeLessThanOrEqual(allowedAMinute(profile, watchers) * MINUTES + edge);
  expect(count.balances).toBeGreaterThan(0);
  expect(count.fills).toBeGreaterThan(0);
});

it('P16: while the venue has counted what is left to a kill, nothing that rests is looked up; in its next window it is', async () => {
  const { dependencies, count } = quietAccount(BINANCE, 20);
  const venue = dependencies.venueOf('main');
  let used = 4_700;
  const told = { ...venue, weight: (): VenueWeight => ({ kind: 'used', used, limit: 6_000 }) };
  await watching({ ...dependencies, venueOf: () => told }, async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    used = 4_796;
    const before = count.lookUp;
    expect(before).toBeGreaterThan(20);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(count.lookUp).toBe(before);
    used = 20;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(count.lookUp).toBeGreaterThan(before + 20);
  });
});

it('P16: while it has counted so much the lists of fills wait too, but for the first after a gap; and people are told of all that waits', async () => {
  const { dependencies, count } = quietAccount(BINANCE, 2);
  const venue = dependencies.venueOf('main');
  let used = 4_800;
  let tell: Parameters<Venue['streams']['watchAccount']>[0] = () => undefined;
  const watchAccount: Venue['streams']['watchAccount'] = (handler, signal) => (
    (tell = handler),
    venue.streams.watchAccount(handler, signal)
  );
  const weight = (): VenueWeight => ({ kind: 'used', used, limit: 6_000 });
  const short = { ...venue, address: 'desk.test', weight, streams: { ...venue.streams, watchAccount } };
  let sights: readonly EpisodeSight[] = [];
  const tellEpisodes = async (sight: EpisodeSight): Promise<void> => {
    if (sight.kind === 'lookUpsWait') sights = [...sights, sight];
  };
  const books = { ...dependencies.books, store: { ...dependencies.books.store, tellEpisodes } };
  await watching({ ...dependencies, books, reconciliations: { start: async () => undefined }, venueOf: () => short }, async () => {
    await vi.advanceTimersByTimeAsync(115_000);
    // The one that it begins with.
    expect(count.fills).toBe(INSTRUMENTS.length);
    expect(sights.flatMap(({ seen }) => seen)).toEqual([]);
    await vi.advanceTimersByTimeAsync(15_000);
    const waits = { venue: 'desk', address: 'desk.test', notLookedUp: ['stop:0', 'stop:1'], count: 2, notListed: ['fills'] };
    const warned = { subject: 'desk.test warning', data: { ...waits, severity: 'warning', forMinutes: 2 } };
    expect(sights.at(-1)?.seen).toEqual([warned]);
    await vi.advanceTimersByTimeAsync(480_000);
    expect(sights.at(-1)?.seen).toEqual([warned, { subject: 'desk.test error', data: { ...waits, severity: 'error', forMinutes: 10 } }]);
    tell({ kind: 'gap' } as StreamEvent);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(count.fills).toBe(2 * INSTRUMENTS.length);
    used = 20;
    await vi.advanceTimersByTimeAsync(66_000);
    expect(count.fills).toBeGreaterThan(2 * INSTRUMENTS.length);
    expect(sights.at(-1)).toMatchObject({ seen: [], allOverBut: [], quietMs: 15_000 });
  });
});

it('is as often as docs/reference/venues.md says', () => {
  expect(pollPlan(KRAKEN, 3, 2)).toEqual({ listMs: 11_000, lookUpMs: 99_000, lookUpGapMs: 33_000, catchUpMs: 132_000, snapshotMs: 33_000 });
  expect(pollPlan(BINANCE, 17, 3)).toEqual({ listMs: undefined, lookUpMs: 2_000, lookUpGapMs: 0, catchUpMs: 60_000, snapshotMs: 5_000 });
  expect(pollPlan(BINANCE, 20, 3).lookUpMs).toBeGreaterThan(2_000);
});

it('P16: orders at rest are looked up every two seconds where they are streamed, and listed where they are not', async () => {
  expect((await counted(BINANCE, 1)).lookUp).toBeGreaterThan((MINUTES * 60) / 2.6);
  const kraken = await counted(KRAKEN, 40);
  expect(kraken.openOrders).toBeGreaterThan((MINUTES * 60) / 12);
  expect(kraken.lookUp).toBeGreaterThan(30);
});

it('P15, P16: what rests by the ledger, and was filled before it was ever listed, is looked up with the next list of all', async () => {
  const { dependencies, count } = quietAccount(KRAKEN, 3);
  const venue = dependencies.venueOf('main');
  const [first] = await dependencies.books.store.watchedOrders('main');
  const shown = await venue.reader.openOrders();
  const seen: string[] = [];
  Object.assign(venue.reader, {
    openOrders: async () => ((count.openOrders += 1), shown.filter(({ venueOrderId }) => venueOrderId !== first?.venueOrderId)),
    lookUp: async (_: string, clientOrderId: string) => (seen.push(clientOrderId), { kind: 'absent' }),
  });
  await watching(dependencies, async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    // The ledger was not asked yet when the first list was.
    const lists = count.openOrders;
    while (seen.length === 0 && count.openOrders < lists + 2) await vi.advanceTimersByTimeAsync(1_000);
    expect([seen, count.openOrders - lists]).toEqual([[first?.clientOrderId], 1]);
  });
});

it('P23: a fill is booked, and what rests is looked up, while the venue holds back the lists of a catch-up', async () => {
  const { dependencies, count } = quietAccount(BINANCE, 2);
  const venue = dependencies.venueOf('main');
  let release = (): void => undefined;
  const held = new Promise<never[]>((resolve) => (release = () => resolve([])));
  let asked = 0;
  const fills: VenueReader['fills'] = () => ((asked += 1), held);
  let tell: Parameters<Venue['streams']['watchAccount']>[0] = () => undefined;
  const watchAccount: Venue['streams']['watchAccount'] = (handler, signal) => {
    tell = handler;
    return venue.streams.watchAccount(handler, signal);
  };
  const booked: string[] = [];
  const compared: string[] = [];
  const reconciliations = { start: async (_: string, why: string) => void compared.push(why) } as Reconciliations;
  const store = {
    ...dependencies.books.store,
    isBooked: async (_: string, { venueTradeId }: VenueFill) => (booked.push(venueTradeId), true),
    orderByVenueIds: async () => undefined,
  };
  const hanging = { ...venue, reader: { ...venue.reader, fills }, streams: { ...venue.streams, watchAccount } };
  await watching({ ...dependencies, reconciliations, books: { ...dependencies.books, store }, venueOf: () => hanging }, async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toBe(1);
    for (const venueTradeId of ['1', '2']) {
      // Each connection that comes back tells of what it may have missed.
      tell({ kind: 'gap' } as StreamEvent);
      tell({ kind: 'fill', fill: { venueTradeId } } as StreamEvent);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(booked).toEqual(['1', '2']);
    expect(count.lookUp).toBeGreaterThan(10);
    expect(asked).toBe(1);
    release();
    await vi.advanceTimersByTimeAsync(1_000);
    // The rest of the first one's instruments, and those of one catch-up for both connections.
    expect(asked).toBe(2 * INSTRUMENTS.length);
    expect(compared).toEqual(['reconnect']);
  });
});

it('P11, P24: people are told of what is unknown for a minute, and owners are woken, while the venue answers no look-up at all', async () => {
  const { dependencies } = quietAccount(BINANCE, 20);
  const resting = await dependencies.books.store.watchedOrders('main');
  let watched = resting;
  let asked = 0;
  let release = (): void => undefined;
  const held = new Promise<never>((_, reject) => (release = () => reject(new Error('given up'))));
  const told: string[] = [];
  const woken: PositionKey[] = [];
  const key = { account: 'main', strategy: 'momentum', instrument: 'BTC/USD' };
  const store = {
    ...dependencies.books.store,
    watchedOrders: async () => watched,
    openIncident: async ({ incidents = [] }: Events) => void told.push(...incidents.map(({ kind }) => kind)),
  };
  const hanging = {
    ...dependencies,
    books: { ...dependencies.books, store },
    resolve: () => ((asked += 1), held),
    protection: { held: async () => [key], unprotected: async () => [key], endTakenStops: async () => undefined },
    owners: { wake: async () => undefined, revive: async (one: PositionKey) => (woken.push(one), false) },
    log: { warn: () => undefined },
  };
  await watching(hanging, async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    expect(asked).toBeGreaterThan(0);
    watched = [...resting, { ...resting[0], intentId: 'entry', status: 'unknown', ageMs: 61_000 } as WatchedOrder];
    const before = woken.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(told).toContain('unknownOverAMinute');
    expect(woken.length).toBeGreaterThanOrEqual(before + 3);
    release();
  });
});

it.each([
  ['four at once where the budget has room for all', BINANCE, 4],
  ['one after the other where it has not', KRAKEN, 1],
] as const)('P16: orders are looked up %s, and one that hangs is asked for once', async (_, profile, most) => {
  const { dependencies } = quietAccount(profile, 12);
  const asked: string[] = [];
  let underWay = 0;
  let together = 0;
  let release = (): void => undefined;
  const held = new Promise<void>((done) => (release = done));
  const resolve = async (intentId: string): Promise<never> => {
    asked.push(intentId);
    together = Math.max(together, (underWay += 1));
    await (intentId === 'stop:0' ? held : new Promise((done) => setTimeout(done, 300)));
    underWay -= 1;
    return [] as never;
  };
  await watching({ ...dependencies, resolve }, async () => {
    await vi.advanceTimersByTimeAsync(500_000);
    expect(asked.filter((one) => one === 'stop:0')).toHaveLength(1);
    release();
  });
  expect(together).toBe(most);
  // The one that hangs keeps one place, where there are others.
  if (most > 1) expect(new Set(asked).size).toBe(12);
});

it('P16: what is listed no more has no list of fills, and makes the others no more often asked for', async () => {
  const { dependencies, count } = quietAccount(BINANCE, 0);
  const venue = dependencies.venueOf('main');
  const unlisted = new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: 'desk', instrument: 'BTC/USD' });
  const fills: VenueReader['fills'] = (of, from) => (of === 'BTC/USD' ? Promise.reject(unlisted) : venue.reader.fills(of, from));
  await watching({ ...dependencies, venueOf: () => ({ ...venue, reader: { ...venue.reader, fills } }) }, async () => {
    await vi.advanceTimersByTimeAsync(10 * 60_000);
  });
  // Of two instruments, each minute, and at the begin.
  expect(count.fills).toBeGreaterThan(0);
  expect(count.fills).toBeLessThanOrEqual(24);
});

describe('filters and status of the instruments', () => {
  const BTC = { instrument: 'BTC/USD', trading: true, tickSize: '0.1', stepSize: '0.001' } as InstrumentRules;
  const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USD' };
  const begun = 1_700_000_000_000;
  let rules: InstrumentRules[];
  let stored: InstrumentRules[];
  const reads: number[] = [];
  const woken: (readonly [minute: number, key: PositionKey])[] = [];
  const minute = (): number => Math.floor((Date.now() - begun) / 60_000);

  /** A position is held in BTC/USD; what is stored is compared with what was stored before, as the ledger does. */
  const account = (): AccountStreamDependencies => {
    const { dependencies } = quietAccount(BINANCE, 0);
    const venue = dependencies.venueOf('main');
    const reader = { ...venue.reader, instruments: async () => (reads.push(Date.now() - begun), rules) };
    const saveInstruments = async (_: string, read: readonly InstrumentRules[]): Promise<string[]> => {
      const changed = read.filter((one, index) => stored[index] !== undefined && stored[index] !== one);
      stored = [...read];
      return changed.map((one) => one.instrument);
    };
    return {
      ...dependencies,
      tradedOf: () => [{ instrument: BTC.instrument, intervalMs: 60_000 }],
      books: { ...dependencies.books, store: { ...dependencies.books.store, openIncident: async () => undefined } },
      venueOf: () => ({ ...venue, reader }),
      bars: { ...dependencies.bars, saveInstruments },
      protection: { held: async () => [KEY], unprotected: async () => [], endTakenStops: async () => undefined },
      owners: { wake: async (key) => void woken.push([minute(), key]), revive: async () => false },
    };
  };
  beforeEach(() => {
    rules = [BTC];
    stored = [];
    reads.length = 0;
    woken.length = 0;
  });

  it('are read each hour, and the owner of a position looks again when they have changed', async () => {
    await watching(account(), async () => {
      await vi.advanceTimersByTimeAsync(90 * 60_000);
      rules = [{ ...BTC, tickSize: '1' as DecimalText }];
      await vi.advanceTimersByTimeAsync(29 * 60_000);
      expect(woken).toEqual([]);
      await vi.advanceTimersByTimeAsync(6 * 60_000);
    });
    expect(reads.map((ms) => Math.floor(ms / 60_000))).toEqual([0, 60, 120]);
    expect(woken).toEqual([[120, KEY]]);
  });

  it('are read each half minute while one does not trade, and the owner looks again when it does', async () => {
    rules = [{ ...BTC, trading: false }];
    await watching(account(), async () => {
      await vi.advanceTimersByTimeAsync(5 * 60_000 - 10_000);
      rules = [BTC];
      await vi.advanceTimersByTimeAsync(50 * 60_000);
    });
    const gaps = reads.slice(1).map((ms, index) => ms - (reads[index] ?? 0));
    expect(reads.length).toBeGreaterThanOrEqual(10);
    for (const gap of gaps) expect(Math.abs(gap - 30_000)).toBeLessThanOrEqual(2_000);
    expect(woken).toHaveLength(1);
    expect(woken[0]?.[0]).toBeLessThanOrEqual(5);
  });
});

it('P17: while the venue has counted what is left to a kill, an entry is looked up whose time is over by the venue’s clock', async () => {
  const { dependencies, count } = quietAccount(BINANCE, 2);
  const skewMs = 3_600_000;
  const workingUntil = Date.now() + skewMs + 10_000;
  const { store } = dependencies.books;
  const watchedOrders = async (): Promise<WatchedOrder[]> =>
    (await store.watchedOrders('main')).map((order, index) => (index === 0 ? { ...order, workingUntil } : order));
  const told: Partial<Venue> = {
    weight: () => ({ kind: 'used', used: 4_800, limit: 6_000 }),
    lastClock: () => ({ venueTime: Date.now() + skewMs, skewMs, aheadOfMonotonicMs: 0, roundTripMs: 1 }),
  };
  const venueOf = (): Venue => ({ ...dependencies.venueOf('main'), ...told });
  await watching({ ...dependencies, venueOf, books: { ...dependencies.books, store: { ...store, watchedOrders } } }, async () => {
    await vi.advanceTimersByTimeAsync(9_000);
    expect(count.lookUp).toBe(0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(count.lookUp).toBeGreaterThan(0);
  });
});
