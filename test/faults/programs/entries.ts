import { setImmediate } from 'node:timers/promises';
import { DecidedAhead } from '../../../activities/order/decided-ahead.js';
import { createEnterAtOnce } from '../../../activities/order/enter-at-once.js';
import { createOrderActivities } from '../../../activities/order/index.js';
import { AccountQueues } from '../../../activities/order/write-verdict.js';
import type { OrderDependencies } from '../../../activities/order/dependencies.js';
import type { Venue } from '../../../activities/ports/venue.js';
import { StreamedMarket } from '../../../activities/streams/live-market.js';
import { createControlStore } from '../../../adapters/store/control-store.js';
import { HeldRisk } from '../../../adapters/store/held-risk.js';
import { createOrderStore } from '../../../adapters/store/order-store.js';
import { openPool } from '../../../adapters/store/pool.js';
import { createVenue } from '../../../adapters/venue/create-venue.js';
import { BINANCE } from '../../../adapters/venue/profiles/binance.js';
import { MARKET, type ExecutionPolicy } from '../../../core/execution/policy.js';
import type { DecimalText } from '../../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../../core/signal/signal.js';
import type { Addresses } from '../../../exchange/serve.js';

/** A process that makes entries: risk state of its own in memory, connections of its own to ledger and venues. */
export interface EntriesOptions {
  readonly url: string;
  readonly accounts: readonly string[];
}
/** Where the venue of an account is, and the account's key there. */
export interface EntriesVenue {
  readonly addresses: Addresses;
  readonly apiKey: string;
  readonly secret: string;
}
export interface AskedEntry {
  readonly id: number;
  readonly at: EntriesVenue;
  readonly signal: TradeSignal;
  readonly notional: DecimalText;
  readonly rests: boolean;
  /** How old the last price is in this process, and how far the venue's clock is off, in ms; 0 when left out. */
  readonly priceAgeMs?: number;
  readonly skewMs?: number;
}
/** What became of it: the codes of its denial, each of them with what it is of as well, or `sent`, which may have been `decidedAhead`. */
export interface EntryAnswer {
  readonly id: number;
  readonly codes: readonly string[];
  /** From before the gate until the venue had answered, ms. */
  readonly tookMs: number;
}

/** There may be many venues, and none is waited for long. */
const KEEP_WARM_MS = 60_000;
const RESTING: ExecutionPolicy = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 3_600_000 };
const { url, accounts } = JSON.parse(process.argv[2] ?? '{}') as EntriesOptions;
const pool = openPool(url, { applicationName: 'keelson-entries', max: 4 });
const store = createOrderStore(pool);
const log = { warn: () => undefined };
const risk = await HeldRisk.open({ pool, url, applicationName: 'keelson-entries', store, accounts, log });
const live = new StreamedMarket(Date.now);
const opened = new Map<string, Promise<Venue>>();
const ready = new Map<string, Venue>();
/** A venue is opened when its account is asked for an entry. */
async function open(account: string, { addresses: urls, apiKey, secret }: EntriesVenue): Promise<void> {
  const profile = { ...BINANCE, visibilityBoundMs: 300 };
  const given = { profile, urls, apiKey, secret, account };
  const opening = opened.get(account) ?? createVenue({ ...given, clock: Date.now, keepWarmMs: KEEP_WARM_MS });
  opened.set(account, opening);
  ready.set(account, await opening);
}
const wanted = new Map<string, AskedEntry>();
const { instanceId, epoch } = await createControlStore(pool).epoch();
const base: OrderDependencies = {
  ...{ store, risk, live, epoch, instanceId },
  venueOf: (account) => {
    const venue = ready.get(account);
    if (venue === undefined) throw new Error(`there is no account ${account}`);
    return venue;
  },
  entriesOf: (account, strategy) => {
    const asked = wanted.get(`${account} ${strategy}`);
    if (asked === undefined) throw new Error(`nobody asked ${strategy} for an entry`);
    return { sizing: { kind: 'fixedNotional', notional: asked.notional }, execution: asked.rests ? RESTING : MARKET };
  },
};
// As the trading worker has it.
const decidedAhead = new DecidedAhead(
  base,
  () => ({ time: Date.now(), monotonic: performance.now() }),
  (error) => {
    throw error;
  },
);
/** Intents that were written as decided while their start was under way. */
const ahead = new Set<string>();
const dependencies: OrderDependencies = {
  ...base,
  decidedAhead: {
    take(intentId, ledger) {
      const verdict = decidedAhead.take(intentId, ledger);
      if (verdict !== undefined) ahead.add(intentId);
      return verdict;
    },
  },
};
const queues = new AccountQueues();
const steps = createOrderActivities(dependencies, queues);
const enterAtOnce = createEnterAtOnce(dependencies, queues);

async function enter(asked: AskedEntry): Promise<Omit<EntryAnswer, 'id'>> {
  const { account, strategy, instrument, referencePrice } = asked.signal;
  await open(account, asked.at);
  live.seePrice(account, instrument, referencePrice, { seenTime: Date.now() - (asked.priceAgeMs ?? 0) });
  live.seeClock(account, { skewMs: asked.skewMs ?? 0, roundTripMs: 1 });
  wanted.set(`${account} ${strategy}`, asked);
  const began = performance.now();
  // The start leaves, and is acknowledged: meanwhile others enter.
  await setImmediate();
  decidedAhead.decide(asked.signal);
  await setImmediate();
  const entered = await enterAtOnce(asked.signal);
  const tookMs = performance.now() - began;
  if (entered.kind === 'denied') {
    const codes = entered.failures.flatMap(({ code, values: { scope } }) => [code, ...(scope === undefined ? [] : [`${code} ${scope}`])]);
    return { codes, tookMs };
  }
  if (entered.kind === 'begun') await steps.record(intentIdOf(asked.signal), entered.submission);
  return { codes: ['sent', ...(ahead.has(intentIdOf(asked.signal)) ? ['decidedAhead'] : [])], tookMs };
}

process.on('message', (asked: AskedEntry) => {
  const began = performance.now();
  enter(asked).then(
    (answer) => process.send?.({ id: asked.id, ...answer } satisfies EntryAnswer),
    (error: unknown) => process.send?.({ id: asked.id, codes: [String(error)], tookMs: performance.now() - began } satisfies EntryAnswer),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0, codes: [], tookMs: 0 } satisfies EntryAnswer);
