import { createOrderActivities } from '../../../activities/order/index.js';
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
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';

/** A process that makes entries: risk state of its own in memory, connections of its own to ledger and venues. */
export interface EntriesOptions {
  readonly url: string;
  /** The venue of each account. */
  readonly venues: Readonly<Record<string, Addresses>>;
}
export interface AskedEntry {
  readonly id: number;
  readonly signal: TradeSignal;
  readonly notional: DecimalText;
  readonly rests: boolean;
}
/** What became of it: the codes of its denial, or `sent`. */
export interface EntryAnswer {
  readonly id: number;
  readonly codes: readonly string[];
}

const RESTING: ExecutionPolicy = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 3_600_000 };
const { url, venues } = JSON.parse(process.argv[2] ?? '{}') as EntriesOptions;
const accounts = Object.keys(venues);
const pool = openPool(url, { applicationName: 'keelson-entries', max: 4 });
const store = createOrderStore(pool);
const log = { warn: () => undefined };
const risk = await HeldRisk.open({ pool, url, applicationName: 'keelson-entries', store, accounts, log });
const live = new StreamedMarket(Date.now);
const opened = new Map<string, Venue>();
for (const [account, urls] of Object.entries(venues)) {
  const profile = { ...BINANCE, visibilityBoundMs: 300 };
  opened.set(account, await createVenue({ profile, urls, apiKey: TEST_KEY, secret: TEST_SECRET, clock: Date.now, account }));
}
const wanted = new Map<string, AskedEntry>();
const { instanceId, epoch } = await createControlStore(pool).epoch();
const steps = createOrderActivities({
  ...{ store, risk, live, epoch, instanceId },
  venueOf: (account) => {
    const venue = opened.get(account);
    if (venue === undefined) throw new Error(`there is no account ${account}`);
    return venue;
  },
  entriesOf: (account, strategy) => {
    const asked = wanted.get(`${account} ${strategy}`);
    if (asked === undefined) throw new Error(`nobody asked ${strategy} for an entry`);
    return { sizing: { kind: 'fixedNotional', notional: asked.notional }, execution: asked.rests ? RESTING : MARKET };
  },
});

async function enter(asked: AskedEntry): Promise<readonly string[]> {
  const { account, strategy, instrument, referencePrice } = asked.signal;
  live.seePrice(account, instrument, referencePrice, Date.now());
  live.seeClock(account, { skewMs: 0, roundTripMs: 1 });
  wanted.set(`${account} ${strategy}`, asked);
  const entered = await steps.enter(asked.signal);
  if (entered.kind === 'denied') return entered.failures.map(({ code }) => code);
  if (entered.kind === 'begun') await steps.record(intentIdOf(asked.signal), entered.submission);
  return ['sent'];
}

process.on('message', (asked: AskedEntry) => {
  enter(asked).then(
    (codes) => process.send?.({ id: asked.id, codes } satisfies EntryAnswer),
    (error: unknown) => process.send?.({ id: asked.id, codes: [String(error)] } satisfies EntryAnswer),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0, codes: [] } satisfies EntryAnswer);
