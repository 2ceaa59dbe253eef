import type { Pool } from 'pg';
import type { EntryTerms, OrderDependencies } from '../../activities/order/dependencies.js';
import type { MarketStore, ProtectionStore } from '../../activities/ports/store.js';
import type { Venue } from '../../activities/ports/venue.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { createProtectionStore } from '../../adapters/store/protection-store.js';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { ConfiguredLimits } from '../../core/risk/limits.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { PaperAccount } from './paper-account.js';
import type { TestDatabase } from './postgres-server.js';
import { beat } from './watch-heartbeat.js';

export const INSTRUMENT = 'BTC/USDT';
const d = (text: string): DecimalText => text as DecimalText;

export const LIMITS = {
  maxOrderNotional: d('10000'),
  maxInstrumentExposure: d('50000'),
  maxAccountExposure: d('50000'),
  maxOpenOrders: 50,
  collarBps: 50,
  takerFeeBps: 10,
  // Seen once, when the account is enrolled: a slow machine takes its time with a file of tests.
  priceMaxAgeMs: 3_600_000,
  clockSkewMs: 500,
  // Tests order faster than strategies do.
  maxStrategyOrdersPerSecond: 1_000,
  maxStrategyOrdersPerMinute: 1_000,
  maxAccountOrdersPerSecond: 1_000,
  maxAccountOrdersPerMinute: 1_000,
  maxRepeats: 1_000,
  duplicateWindowMs: 0,
} as const satisfies ConfiguredLimits;

const AT_THE_MARKET: EntryTerms = { sizing: { kind: 'fixedNotional', notional: d('500') }, execution: MARKET };

/** A real ledger and what the order activities work with, for any number of accounts. */
export interface Ledger {
  readonly database: TestDatabase;
  readonly pool: Pool;
  readonly dependencies: OrderDependencies;
  readonly protection: ProtectionStore;
  readonly bars: MarketStore;
  readonly market: StreamedMarket;
  readonly accounts: ReadonlyMap<string, PaperAccount>;
  /** Makes the account one that trades, within `LIMITS` or others; `rules` may say otherwise than its venue does. */
  enrol(account: PaperAccount, rules?: (told: InstrumentRules) => InstrumentRules, limits?: ConfiguredLimits): Promise<void>;
  /** How the entries of an account are sized and worked from now on. */
  workEntries(account: string, entries: Partial<EntryTerms>): void;
  /** From here on no account watch is stood in for. */
  stopBeating(): Promise<void>;
  close(): Promise<void>;
}

export async function openLedger(database: TestDatabase): Promise<Ledger> {
  const pool = openPool(database.url, { applicationName: 'test' });
  const control = createControlStore(pool);
  const bars = createMarketStore(pool);
  const { instanceId, epoch } = await control.epoch();
  const market = new StreamedMarket(Date.now);
  const store = createOrderStore(pool);
  const accounts = new Map<string, PaperAccount>();
  const entries = new Map<string, EntryTerms>();
  const heartbeats: (() => Promise<void>)[] = [];
  const keepWatched = async (account: string): Promise<void> => void heartbeats.push(await beat(pool, account));
  const stopBeating = async (): Promise<void> => {
    for (const stop of heartbeats.splice(0)) await stop();
  };
  const venueOf = (account: string): Venue => {
    const known = accounts.get(account);
    if (known === undefined) throw new Error(`the test has no account ${account}`);
    return known.venue;
  };
  return {
    database,
    pool,
    dependencies: {
      store,
      risk: { read: (key) => store.readRisk(key) },
      venueOf,
      live: market,
      epoch,
      instanceId,
      entriesOf: (account) => entries.get(account) ?? AT_THE_MARKET,
    },
    protection: createProtectionStore(pool),
    bars,
    market,
    accounts,
    async enrol(added, rules = (told) => told, limits = LIMITS) {
      const { account, venueName, venue } = added;
      accounts.set(account, added);
      const strategies = [{ strategy: 'momentum', instrument: INSTRUMENT, version: '1', modelHash: 'none' }];
      await control.applyConfiguration({ account, venue: venueName, limits, strategies, subject: 'test' });
      await bars.saveInstruments(venueName, (await venue.reader.instruments()).map(rules));
      await keepWatched(account);
      await control.onboard(account, { USDT: d('100000'), BTC: d('2'), BNB: d('10') });
      market.seePrice(account, INSTRUMENT, d('50000'), { seenTime: Date.now() });
      market.seeClock(account, await venue.reader.clock());
    },
    workEntries: (account, changed) => void entries.set(account, { ...(entries.get(account) ?? AT_THE_MARKET), ...changed }),
    stopBeating,
    async close() {
      await stopBeating();
      await pool.end();
    },
  };
}

export function testSignal(account: string, leg: TradeSignal['leg'], barCloseTime: number, validForMs = 20_000): TradeSignal {
  return {
    account,
    strategy: 'momentum',
    strategyVersion: '1',
    instrument: INSTRUMENT,
    leg,
    barCloseTime,
    decidedTime: Date.now(),
    validUntil: Date.now() + validForMs,
    referencePrice: d('50000'),
    stopDistanceRatio: 0.02,
    features: [1, 2],
    score: 0.7,
    threshold: 0.5,
    modelHash: 'none',
    reason: 'test',
  };
}
