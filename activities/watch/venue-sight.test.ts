import { describe, expect, it } from 'vitest';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import type { DecimalText } from '../../core/money/index.js';
import { WATCH } from '../../core/watch/rules.js';
import { allowedAMinute } from '../../core/venue/poll-plan.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import { StreamedMarket } from '../streams/live-market.js';
import type { Venue } from '../ports/venue.js';
import type { WatchInputs } from '../ports/watch.js';
import { VenueSight } from './venue-sight.js';

const NO_BOOKS = { read: async () => undefined, fillsBetween: async () => [] };

/** A sight of a venue that never answers, which looks so many ms after the last time. */
function open() {
  let now = 1_000_000;
  const clock = (): number => now;
  const venue = { profile: { streams: { bars: false } }, reader: {} } as unknown as Venue;
  const sight = new VenueSight({
    ...{ account: 'main', venue, store: NO_BOOKS, live: new StreamedMarket(clock), instruments: [] },
    ...{ settings: { noMarketDataMs: 300_000 }, watchers: () => 1, clock, failed: () => undefined },
  });
  const look = (...afterMs: readonly number[]): number => {
    for (const ms of afterMs) {
      now += ms;
      sight.stayAwake();
    }
    return sight.lookingMs;
  };
  return { sight, look };
}

it('a venue is away for as long as somebody has looked', async () => {
  const { sight, look } = open();
  expect(look(1_000, 1_000, 1_900)).toBe(3_900);
  expect(look(1_000)).toBe(4_900);
  await sight.close();
});

it('who has stood still begins anew, and who does so again and again has looked for the moments between', async () => {
  const { sight, look } = open();
  look(...Array.from({ length: 10 }, () => 1_000));
  expect(look(6_000)).toBe(0);
  expect(look(...Array.from({ length: 30 }, () => 4_000))).toBe(30_000);
  // Two minutes of the clock, of which it has looked for half a minute: no venue is lost by that.
  expect(look(1_000)).toBe(31_000);
  await sight.close();
});

describe('a reading while fills are booked', () => {
  const KNOWN = { BNB: '3' as DecimalText };
  /** Each buys one unit for ten, and pays one for it. */
  const fill = { BTC: '1' as DecimalText, USDT: '-11' as DecimalText };
  const ledgerAt = (fills: number) => ({ BTC: String(fills), USDT: String(1_000 - 11 * fills) });
  const booksAt = (fills: number): WatchInputs =>
    ({ ledger: ledgerAt(fills), booking: String(fills), state: { external: KNOWN } }) as unknown as WatchInputs;

  /**
   * @param venue what the venue had made when it answered, and what else had changed there
   * @param booked what is booked: before it is asked, and when it has answered
   * @param stoodMs how long everything stood still before it answered
   */
  async function read(venue: { fills: number; USDT?: number }, booked: { before?: number; after: number }, stoodMs = 0) {
    let now = 1_000_000;
    const clock = (): number => now;
    const asked: string[] = [];
    const balances = async () => {
      now += stoodMs;
      const { BTC, USDT } = ledgerAt(venue.fills);
      const held = { BTC, USDT: String(Number(USDT) + (venue.USDT ?? 0)), ...KNOWN };
      return Object.entries(held).map(([asset, free]) => ({ asset, free, locked: '0' }));
    };
    const store = {
      read: async () => booksAt(booked.after),
      fillsBetween: async (_: string, after: string, upTo: string) => {
        asked.push(`${after}-${upTo}`);
        return Array.from({ length: Number(upTo) - Number(after) }, () => fill);
      },
    };
    const profile = BINANCE;
    const weight = (): VenueWeight => ({ kind: 'untold' });
    const sight = new VenueSight({
      ...{
        account: 'main',
        venue: { profile, weight, reader: { balances }, streams: { watchBars: () => Promise.resolve() } } as unknown as Venue,
      },
      ...{ store, instruments: [], live: new StreamedMarket(clock), settings: { noMarketDataMs: 300_000 }, watchers: () => 1, clock },
      failed: (error) => {
        throw error;
      },
    });
    if (booked.before !== undefined) await sight.seeBooks(booksAt(booked.before));
    await sight.lookIfDue(0);
    return { sight, asked, last: () => sight.readings?.last, later: (ms: number) => void (now += ms) };
  }

  it.each([
    ['of before all of them', { fills: 0 }, { before: 0, after: 3 }],
    ['of between them', { fills: 2 }, { before: 0, after: 3 }],
    ['of after them', { fills: 3 }, { before: 0, after: 3 }],
  ])('%s shows what is known', async (_, venue, booked) => {
    const { sight, last } = await read(venue, booked);
    expect(last()).toEqual(KNOWN);
    // For certain it has what was booked before, and no more.
    expect(sight.readings?.ledger).toEqual(ledgerAt(0));
    await sight.close();
  });

  it('shows what is known when one is booked that it had already, and not what another hand did at the same time', async () => {
    const { sight, last, asked } = await read({ fills: 2 }, { before: 0, after: 1 });
    expect(last()).toEqual({ BTC: '1', USDT: '-11', ...KNOWN });
    expect(sight.readings?.ledger).toEqual(ledgerAt(1));
    await sight.seeBooks(booksAt(3));
    expect([last(), asked]).toEqual([KNOWN, ['0-1', '0-3']]);
    await sight.close();
    const other = await read({ fills: 2, USDT: -1 }, { before: 0, after: 1 });
    await other.sight.seeBooks(booksAt(3));
    expect(other.last()).toEqual({ BTC: '1', USDT: '-12', ...KNOWN });
    await other.sight.close();
  });

  it.each<[string, { fills: number; USDT?: number }, { before?: number; after: number }, number?]>([
    ['where something else went', { fills: 2, USDT: -1 }, { before: 0, after: 3 }],
    ['where the venue lacks what was booked before it was asked', { fills: 0 }, { before: 1, after: 3 }],
    ['where nobody knows what was booked before', { fills: 2 }, { after: 3 }],
    ['where everything has stood still meanwhile', { fills: 2 }, { before: 0, after: 3 }, 5_001],
  ])('shows a difference %s', async (_, venue, booked, stoodMs) => {
    const { sight, last } = await read(venue, booked, stoodMs);
    expect(last()).not.toEqual(KNOWN);
    await sight.close();
  });

  it('is not looked at again after five seconds', async () => {
    const { sight, last, later } = await read({ fills: 2 }, { before: 0, after: 1 });
    later(5_001);
    await sight.seeBooks(booksAt(3));
    expect(last()).not.toEqual(KNOWN);
    await sight.close();
  });
});

describe('how often balances are read', () => {
  /** A sight that looks each second of so many; what it is told may change with each. */
  async function watched(
    seconds: number,
    tellsOf: (second: number) => { sharers: number; weight?: VenueWeight; isHanging?: boolean; isRefused?: boolean },
  ) {
    let now = 1_000_000;
    const begun = now;
    let told = tellsOf(0);
    const readAt: number[] = [];
    const fresh: boolean[] = [];
    const balances = () => {
      readAt.push((now - begun) / 1_000);
      if (told.isRefused === true) return Promise.reject(new Error('the connection was lost'));
      return told.isHanging === true ? new Promise<never>(() => undefined) : Promise.resolve([]);
    };
    const venue = {
      ...{ profile: BINANCE, reader: { balances }, streams: { watchBars: () => Promise.resolve() } },
      weight: (): VenueWeight => told.weight ?? { kind: 'untold' },
    } as unknown as Venue;
    const sight = new VenueSight({
      ...{ account: 'main', venue, store: NO_BOOKS, instruments: [], live: new StreamedMarket(() => now) },
      ...{ settings: { noMarketDataMs: 300_000 }, watchers: () => told.sharers, clock: () => now, failed: () => undefined },
    });
    for (let second = 0; second < seconds; second += 1) {
      told = tellsOf(second);
      const looked = sight.lookIfDue(0);
      // What the venue answers is here with the next sample.
      fresh.push(sight.isReadingFresh(0));
      if (told.isHanging !== true) await looked;
      now += 1_000;
    }
    await sight.close();
    return { readAt, fresh };
  }
  const SLOW = (allowedAMinute(BINANCE) * 30_000) / (BINANCE.readWeights.balances * 60_000);

  it('a plan that becomes quicker makes what was read in time no older at once; nor for longer than a reading may be late', async () => {
    const answered = await watched(40, (second) => ({ sharers: second < 25 ? SLOW : 1 }));
    expect(answered.readAt).toEqual([0, 25, 30, 35]);
    expect(answered.fresh.indexOf(false, 1)).toBe(-1);
    const hanging = await watched(40, (second) => ({ sharers: second < 25 ? SLOW : 1, isHanging: second >= 25 }));
    // In time at 24 s for the last time.
    expect(hanging.fresh.indexOf(false, 1)).toBe(27);
    expect(hanging.fresh.lastIndexOf(true)).toBe(26);
  });

  it('one that failed is read again soon, and one of a venue that answers nothing as it is planned', async () => {
    const once = await watched(90, (second) => ({ sharers: SLOW, isRefused: second === 30 }));
    expect(once.readAt).toEqual([0, 30, 35, 65]);
    const unknown = once.fresh.filter((isFresh, second) => second > 0 && !isFresh).length;
    expect(unknown).toBeLessThan(WATCH.equityUnknownMs / 1_000);
    const never = await watched(110, (second) => ({ sharers: SLOW, isRefused: second >= 30 }));
    expect(never.readAt).toEqual([0, 30, 35, 40, 45, 75, 105]);
    const weight: VenueWeight = { kind: 'used', used: 4_800, limit: 6_000 };
    const short = await watched(110, (second) => ({ sharers: SLOW, isRefused: second === 30, ...(second > 30 ? { weight } : {}) }));
    expect(short.readAt).toEqual([0, 30, 90]);
  });

  it.each([
    ['as ever where one reads alone', 1, [0, 5, 10, 15, 20, 25]],
    ['by four together as often as by one alone', 4, [0, 5, 25]],
  ])('while the venue has counted all but a kill’s part they are read %s', async (_, sharers, readAt) => {
    const weight: VenueWeight = { kind: 'used', used: 4_800, limit: 6_000 };
    const { readAt: read, fresh } = await watched(30, (second) => ({ sharers, ...(second > 5 ? { weight } : {}) }));
    expect(read).toEqual(readAt);
    expect(fresh.indexOf(false, 1)).toBe(-1);
  });

  it('… and however many share it, once a minute', async () => {
    const weight: VenueWeight = { kind: 'used', used: 4_800, limit: 6_000 };
    expect((await watched(125, () => ({ sharers: 40, weight }))).readAt).toEqual([0, 60, 120]);
  });
});
