import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createControlStore } from '../../adapters/store/control-store.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import type { DecimalText } from '../../core/money/index.js';
import { EntryShare, type Moment } from '../../core/venue/entry-share.js';
import { TRADING_SHARE_PERCENT, WeightMeter } from '../../core/venue/weight.js';
import { INSTRUMENT, LIMITS, openLedger, testSignal, type Ledger } from '../../test/support/ledger.js';
import { eventually } from '../../test/support/eventually.js';
import { openPaperAccount, PATIENT, type PaperAccount } from '../../test/support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createOrderActivities } from './index.js';

const LIMIT = 1_000;
const SHARE = (LIMIT * TRADING_SHARE_PERCENT) / 100;
/** So much is left of the share of trading. */
const LEFT = 5;
const STRATEGIES = Array.from({ length: 6 }, (_, index) => ({
  ...{ strategy: `s${index}`, instrument: INSTRUMENT, version: '1', modelHash: 'none' },
}));
const MINUTE_MS = 60_000;
const YOUNG_MS = 40_000;
/** Nothing is asked of the venue but what the test does. */
const QUIET = { keepWarmMs: 3_600_000, windows: PATIENT };

describe('the share that trading has of what the venue allows an address', () => {
  let database: TestDatabase;
  let ledger: Ledger;
  const opened: PaperAccount[] = [];
  let bar = 0;

  beforeEach(async () => {
    database = await testDatabase();
    ledger = await openLedger(database);
  });
  afterEach(async () => {
    for (const account of opened.splice(0).reverse()) await account.close();
    await ledger?.close();
    await database?.drop();
  });

  const open = async (more: { meter?: WeightMeter; keepWarmMs?: number }): Promise<readonly [PaperAccount, PaperAccount]> => {
    const one = await openPaperAccount({ account: 'one', venueName: 'paper', weightPerMinute: LIMIT, ...QUIET, ...more });
    const two = await one.beside('two');
    opened.push(one, two);
    for (const account of [one, two]) {
      await ledger.enrol(account);
      const traded = { account: account.account, venue: 'paper', limits: LIMITS, strategies: STRATEGIES, subject: 'test' };
      await createControlStore(ledger.pool).applyConfiguration(traded);
    }
    return [one, two];
  };
  const used = ({ venue }: PaperAccount): number => {
    const weight = venue.weight();
    return weight.kind === 'used' ? weight.used : Number.NaN;
  };
  /** Somebody else at the address asks, until so much is left of the share; a clock that is read costs one, and tells. */
  const useUp = async (account: PaperAccount, left: number): Promise<void> => {
    const { addresses, venue } = account;
    const ping = new URL('/api/v3/ping', addresses.rest);
    let told: number;
    do told = Number((await fetch(ping)).headers.get('x-mbx-used-weight-1m'));
    while (told < SHARE - left - 1);
    await venue.reader.clock();
    expect(used(account)).toBe(SHARE - left);
  };
  /** What came of so many signals at once in each account. */
  const enter = async (accounts: readonly PaperAccount[]): Promise<string[]> => {
    const steps = createOrderActivities(ledger.dependencies);
    const signals = accounts.flatMap(({ account }) => {
      ledger.market.seePrice(account, INSTRUMENT, '50000' as DecimalText, { seenTime: Date.now() });
      return STRATEGIES.map(({ strategy }) => ({ ...testSignal(account, 'open', (bar += 1_000)), strategy }));
    });
    const entered = await Promise.all(signals.map((signal) => steps.enter(signal)));
    return entered.map((one) => {
      if (one.kind === 'denied') return one.failures.map(({ code }) => code).join();
      return one.kind === 'recorded' && one.order.status === 'expired' ? one.order.failures.map(({ code }) => code).join() : one.kind;
    });
  };
  /** The venue counts by the minute: what follows has the most of one before it. */
  const inAYoungMinute = (): Promise<void> => eventually(() => expect(Date.now() % MINUTE_MS).toBeLessThan(YOUNG_MS), MINUTE_MS);

  it('is kept by two accounts of one process that enter at the same moment', async () => {
    const [one, two] = await open({ meter: new WeightMeter(BINANCE.rateBudget.weight) });
    await inAYoungMinute();
    await useUp(one, LEFT);
    const outcomes = await enter([one, two]);
    expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(LEFT);
    expect(new Set(outcomes)).toEqual(new Set(['recorded', 'RISK_VENUE_WEIGHT']));
    expect(used(two)).toBe(SHARE);
  });

  it('is kept by each process to its own part, as the ledger has divided it: what is over that is proven unsent', async () => {
    const now = (): Moment => ({ time: Date.now(), monotonic: performance.now() });
    const share = new EntryShare(MINUTE_MS, now);
    const [trading] = await open({ meter: new WeightMeter(BINANCE.rateBudget.weight, share) });
    expect(new Set(await enter([trading]))).toEqual(new Set(['RISK_VENUE_SHARE']));
    share.take({ granted: 4, base: 3, isWanted: true }, now());
    const outcomes = await enter([trading]);
    expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(3);
    expect(new Set(outcomes)).toEqual(new Set(['recorded', 'RISK_VENUE_SHARE']));
    expect(trading.witness().orders).toHaveLength(3);
  });

  it('is what another process has left of it, as soon as the venue answers this one anything', async () => {
    // Each with a figure of its own, as guardian and trading have.
    const [trading, guardian] = await open({});
    await inAYoungMinute();
    await trading.venue.reader.clock();
    const before = used(trading);
    await useUp(guardian, 0);
    expect(used(trading)).toBe(before);
    await trading.venue.reader.clock();
    expect(new Set(await enter([trading]))).toEqual(new Set(['RISK_VENUE_WEIGHT']));
    expect(used(trading)).toBe(SHARE + 1);
  });

  it('is told by what keeps the connections of orders open, while nothing else is asked', async () => {
    const [trading, guardian] = await open({ keepWarmMs: 200 });
    await inAYoungMinute();
    await guardian.venue.reader.clock();
    const before = used(guardian);
    await eventually(() => expect(used(trading)).toBeGreaterThan(before + 2));
  });
});
