import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createHandOver } from '../../activities/owner/hand-over.js';
import { OutboxLoop } from '../../activities/owner/outbox.js';
import type { ProtectionStore } from '../../activities/ports/store.js';
import { createOutboxStore } from '../../adapters/store/outbox-store.js';
import { createProtectionStore } from '../../adapters/store/protection-store.js';
import type { Venue as PaperVenue } from '../../exchange/venue.js';
import { createOwners } from '../../workers/composition/owners.js';
import { createOrderActivities, createOwnerActivities } from '../../activities/order/index.js';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import { createResolve } from '../../activities/order/resolve.js';
import { streamAccount, type AccountStreamDependencies } from '../../activities/streams/account.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import type { Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import type { Limits } from '../../core/risk/limits.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { serve } from '../../exchange/serve.js';
import { TEST_KEY, TEST_SECRET, testVenue } from '../../exchange/testing/open-venue.js';
import { testDatabase, type TestDatabase } from './postgres.js';
import { readWitness, type Witness } from './witness.js';

// Test files share a Temporal server, and the owners of positions are named after accounts.
export const ACCOUNT = process.env['RECORD_HISTORIES'] === '1' ? 'main' : `main-${process.pid}`;
export const INSTRUMENT = 'BTC/USDT';
const d = (text: string): DecimalText => text as DecimalText;

export const LIMITS: Limits = {
  maxOrderNotional: d('10000'),
  maxInstrumentExposure: d('50000'),
  maxAccountExposure: d('50000'),
  maxOpenOrders: 50,
  collarBps: 50,
  takerFeeBps: 10,
  priceMaxAgeMs: 60_000,
  clockSkewMs: 500,
};

/** Paper venue, ledger and order activities, real all of them; `deadline` and windows are short, as tests want them. */
export interface TradingStack {
  /** What the venue itself says of our account, read anew. */
  witness(): Witness;
  readonly venue: Venue;
  readonly database: TestDatabase;
  readonly dependencies: OrderDependencies;
  readonly protection: ProtectionStore;
  readonly pool: Pool;
  /** The paper venue's program, for what only it can do: prices, faults, orders by hand. */
  readonly paper: PaperVenue;
  readonly market: StreamedMarket;
  signal(leg: TradeSignal['leg'], barCloseTime: number): TradeSignal;
  close(): Promise<void>;
}

export async function openTradingStack(overrides: { readonly venueOf?: (venue: Venue) => Venue } = {}): Promise<TradingStack> {
  const database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'keelson-test-venue-'));
  const journalFile = join(folder, 'journal.ndjson');
  const paper = testVenue({ journalFile });
  const serving = await serve(paper, 0, 0);
  const profile = { ...BINANCE, receiveWindowMs: 500, visibilityBoundMs: 300, submitDeadlineMs: 1_000 };
  const created = await createVenue({
    profile,
    urls: serving.addresses,
    apiKey: TEST_KEY,
    secret: TEST_SECRET,
    clock: Date.now,
    account: ACCOUNT,
  });
  const venue = overrides.venueOf?.(created) ?? created;
  const pool = openPool(database.url, { applicationName: 'test' });
  const control = createControlStore(pool);
  const strategies = [{ strategy: 'momentum', instrument: INSTRUMENT, version: '1', modelHash: 'none' }];
  await control.applyConfiguration({ account: ACCOUNT, venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
  await createMarketStore(pool).saveInstruments('paper', await venue.reader.instruments());
  await control.onboard(ACCOUNT, { USDT: d('100000'), BTC: d('2'), BNB: d('10') });
  const { instanceId, epoch } = await control.epoch();
  const market = new StreamedMarket(Date.now);
  market.seePrice(ACCOUNT, INSTRUMENT, d('50000'), Date.now());
  market.seeClock(ACCOUNT, await venue.reader.clock());
  const store = createOrderStore(pool);
  const dependencies: OrderDependencies = {
    store,
    risk: { read: (key) => store.readRisk(key) },
    venueOf: () => venue,
    live: market,
    epoch,
    instanceId,
    entriesOf: () => ({ sizing: { kind: 'fixedNotional', notional: d('500') }, execution: MARKET }),
  };
  return {
    witness: () => readWitness(journalFile, 'test'),
    venue,
    database,
    dependencies,
    protection: createProtectionStore(pool),
    pool,
    paper,
    market,
    signal: (leg, barCloseTime) => ({
      account: ACCOUNT,
      strategy: 'momentum',
      strategyVersion: '1',
      instrument: INSTRUMENT,
      leg,
      barCloseTime,
      decidedTime: Date.now(),
      validUntil: Date.now() + 20_000,
      referencePrice: d('50000'),
      stopDistanceRatio: 0.02,
      features: [1, 2],
      score: 0.7,
      threshold: 0.5,
      modelHash: 'none',
      reason: 'test',
    }),
    async close() {
      await venue.close();
      await serving.close();
      await pool.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// The SDK tells of every step of every worker; only what went wrong is of interest.
Runtime.install({ logger: new DefaultLogger('ERROR') });

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** The workflows, bundled from their sources once for a test file. */
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  bundle ??= bundleWorkflowCode({ workflowsPath: new URL('../../workflows/index.ts', import.meta.url).pathname, logger: quiet });
  return bundle;
}

/** A worker with every activity of orders and owners, on a queue of its own, and the outbox that wakes the owners. */
export interface StackWorker {
  readonly client: Client;
  readonly taskQueue: string;
  stop(): Promise<void>;
}

export async function startWorker(
  stack: TradingStack,
  temporal: { readonly address: string; readonly namespace: string },
): Promise<StackWorker> {
  const connection = await NativeConnection.connect({ address: temporal.address });
  const { namespace } = temporal;
  const taskQueue = `test-${process.pid}-${performance.now()}`;
  // Histories that are stored tell of no machine.
  const client = new Client({ connection, namespace, identity: 'starter' });
  const owners = createOwners(client, Date.now, taskQueue);
  const log = { warn: () => undefined };
  const stopping = new AbortController();
  const { store, epoch, venueOf } = stack.dependencies;
  const watching: AccountStreamDependencies = {
    books: { store, epoch },
    venueOf,
    venueNameOf: () => 'paper',
    bars: createMarketStore(stack.pool),
    resolve: createResolve(stack.dependencies),
    protection: stack.protection,
    owners,
    tradedOf: () => [{ instrument: INSTRUMENT, intervalMs: 1_000 }],
    clock: Date.now,
    stopping: stopping.signal,
    log,
  };
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: 'worker',
    workflowBundle: await workflowBundle(),
    activities: {
      ...createOrderActivities(stack.dependencies),
      ...createOwnerActivities(stack.dependencies, stack.protection),
      ...createHandOver(owners),
      streamAccount: (account: string) => streamAccount(watching, account),
    },
    shutdownForceTime: '2s',
  });
  const running = worker.run();
  await client.workflow.start('watchAccount', { taskQueue, workflowId: `watch:${ACCOUNT}:${taskQueue}`, args: [ACCOUNT] });
  const outbox = new OutboxLoop({ outbox: createOutboxStore(stack.pool, stack.database.url), owners, log });
  return {
    client,
    taskQueue,
    async stop() {
      stopping.abort();
      await outbox.close();
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
