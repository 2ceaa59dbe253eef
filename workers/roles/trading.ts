import { randomUUID } from 'node:crypto';
import { invariant } from '../../core/errors.js';
import { findStrategy } from '../../core/strategy/registry.js';
import type { Moment } from '../../core/venue/entry-share.js';
import { setTimeout as wait } from 'node:timers/promises';
import { LedgerContact, withLedgerContact } from '../../activities/order/ledger-contact.js';
import { DecidedAhead } from '../../activities/order/decided-ahead.js';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import { EnterAhead } from '../../activities/order/enter-ahead.js';
import { createEnterAtOnce } from '../../activities/order/enter-at-once.js';
import { createOrderActivities, type OrderActivities } from '../../activities/order/index.js';
import { createHandOver } from '../../activities/owner/hand-over.js';
import { VenueShares } from '../../activities/order/venue-shares.js';
import { AccountQueues } from '../../activities/order/write-verdict.js';
import { createWouldTrade } from '../../activities/order/would-trade.js';
import { streamBars } from '../../activities/streams/bars.js';
import type { SignalSink } from '../../activities/ports/signal-sink.js';
import type { BarStreamActivities } from '../../activities/streams/index.js';
import { StreamedMarket } from '../../activities/streams/live-market.js';
import { StandIn } from '../../activities/streams/stand-in.js';
import type { StrategyVersion } from '../../activities/streams/strategy-runner.js';
import { createBeginningStore } from '../../adapters/store/beginning-store.js';
import { createClearanceStore } from '../../adapters/store/clearance-store.js';
import { createVenueShareStore } from '../../adapters/store/venue-share-store.js';
import { HeldRisk } from '../../adapters/store/held-risk.js';
import { INTERVALS } from '../../config/index.js';
import { TASK_QUEUES } from '../../workflows/names.js';
import { beginBars } from '../composition/begin-bars.js';
import { Beginnings } from '../composition/beginnings.js';
import type { Role } from '../composition/main.js';
import { createOwners } from '../composition/owners.js';
import { AS_THEY_ARE, type PortWraps } from '../composition/ports.js';
import type { WorkerProcess } from '../composition/process.js';
import { applyConfiguration, entriesOf, openVenues } from '../composition/configuration.js';
import { followBooks } from '../composition/books.js';
import { measureClock } from '../composition/clock-skew.js';
import { openMetrics } from '../composition/metrics-server.js';
import { createWorker } from '../composition/run-worker.js';
import { createReconciliations } from '../composition/reconciliations.js';
import { VenueMeters } from '../composition/venues.js';
import { createSignalSink } from '../composition/signal-sink.js';
import { UntradedRecords } from '../composition/untraded-records.js';
import { loadRunners, type FindStrategy } from '../composition/strategies.js';

/** What another program than the product's brings along to be traded or looked at. */
export interface TradingParts {
  /** What the configured ids stand for; by default what the registry says. */
  readonly strategyOf?: FindStrategy;
  /** The step of an entry, looked at. */
  readonly enterOf?: (enter: OrderActivities['enter']) => OrderActivities['enter'];
  /** Is shown where strategies' decisions go. */
  readonly onSink?: (sink: SignalSink) => void;
}

/** The trading worker's role: what it polls for, what it starts, and what it has to close. */
export async function tradingRole(process: WorkerProcess, wraps: PortWraps = AS_THEY_ARE, parts: TradingParts = {}): Promise<Role> {
  const { strategyOf = findStrategy, enterOf = (enter) => enter } = parts;
  const { config, client, log, clock, env, stopping, pool, databaseUrl: url } = process;
  const bars = wraps.market(process.market);
  const orders = wraps.store(process.orders);
  const metrics = await openMetrics('trading', env['KEELSON_METRICS_PORT']);
  metrics.withTemporal();
  await applyConfiguration(process, true);
  const pause = (ms: number, signal: AbortSignal): Promise<void> => wait(ms, undefined, { signal }).catch(() => undefined);
  const monotonic = (): number => performance.now();
  const now = (): Moment => ({ time: clock(), monotonic: monotonic() });
  const shares = new VenueShares({
    ...{ store: createVenueShareStore(pool), holder: randomUUID(), now },
    ...{ pause, log },
  });
  const venues = await openVenues({ ...process, market: bars }, wraps.venue, new VenueMeters(shares.meter));
  await shares.start();
  const accounts = Object.keys(config.accounts);
  const risk = await HeldRisk.open({ pool, url, applicationName: 'keelson-trading', store: orders, accounts, log });

  const market = new StreamedMarket(clock);
  const stopMeasuring = accounts.map((account) => measureClock(account, (name) => venues.opened(name), market, log));
  const stopFollowing = accounts.map((account) => {
    const instruments = [...new Set(config.strategies.flatMap((one) => (one.account === account ? one.instruments : [])))];
    return followBooks({ account, instruments, venueOf: venues.of, market, clock, log });
  });
  const reconciliations = createReconciliations(client, clock);
  const contact = new LedgerContact({
    ...{ store: createClearanceStore(pool, `trading ${env['KEELSON_INSTANCE'] ?? '1'}`), clock, monotonic, log },
    ...{ accounts, compare: (account: string) => reconciliations.start(account, 'reconnect') },
    pause,
  });
  const entryDependencies: OrderDependencies = {
    store: orders,
    risk,
    venueOf: venues.of,
    live: withLedgerContact(market, contact),
    epoch: process.epoch,
    instanceId: process.instanceId,
    entriesOf: entriesOf(config),
  };
  const decidedAhead = new DecidedAhead(entryDependencies, now, (err, { strategy, account, instrument }) =>
    log.warn({ err, strategy, account, instrument }, 'an entry could not be decided while its start was under way'),
  );
  const orderDependencies = { ...entryDependencies, decidedAhead };
  const venueNow = (account: string): number => market.venueNow(account);
  // No signal waits for what the one before it has changed; only where nothing is held the database is asked.
  const isActive = async (one: StrategyVersion): Promise<boolean> => {
    const held = risk.heldVersion(one);
    return (held === undefined ? (await risk.read(one)).activeVersion : held) === one.strategyVersion;
  };
  const standIn = new StandIn();
  const queues = new AccountQueues();
  const orderSteps = createOrderActivities(orderDependencies, queues);
  const enterAtOnce = createEnterAtOnce(orderDependencies, queues);
  const ahead = new EnterAhead(
    enterOf((signal) => enterAtOnce(signal)),
    enterOf((...which) => orderSteps.enter(...which)),
    (ms, then) => void setTimeout(then, ms).unref(),
  );
  const sink = createSignalSink({
    client,
    untraded: new UntradedRecords({
      ...{ store: orders, epoch: process.epoch, stopping: stopping.signal, log },
      wait: (ms) => wait(ms, undefined, { signal: stopping.signal }).catch(() => undefined),
    }),
    wouldTrade: createWouldTrade(orderDependencies),
    isActive,
    clock,
    venueNow,
    wait,
    log,
    // In its turn, when the start has left.
    starting: (signal) => void setImmediate(() => decidedAhead.decide(signal)),
    taskIsOurs: (signal) => ahead.begin(signal),
    count: (outcome) => metrics.signals.inc({ outcome }),
  });
  parts.onSink?.(sink);
  const runnersOf = await loadRunners(process, sink, venueNow, strategyOf, (one) => risk.isHalted(one));

  const streamActivities: BarStreamActivities = {
    streamBars: (account, interval) => {
      const intervalMs = (INTERVALS as Readonly<Record<string, number>>)[interval];
      invariant(intervalMs !== undefined, `interval ${interval} is one of the configuration's`);
      const venueNameOf = (name: string): string => config.accounts[name]?.venue ?? name;
      return streamBars(
        {
          venueOf: venues.of,
          venueNameOf,
          bars,
          store: orders,
          market,
          runnersOf,
          isActive,
          standIn,
          clock,
          stopping: stopping.signal,
          log,
        },
        account,
        intervalMs,
      );
    },
  };
  const worker = await createWorker(process, TASK_QUEUES.trading, {
    ...orderSteps,
    enter: ahead.step,
    ...createHandOver(wraps.owners(createOwners(client, clock))),
    ...streamActivities,
  });

  const beginnings = new Beginnings({ store: createBeginningStore(pool), who: `trading ${env['KEELSON_INSTANCE'] ?? '1'}`, clock, log });
  return {
    worker,
    async started() {
      await beginBars({ client, clock }, config.strategies, beginnings);
    },
    async close() {
      beginnings.close();
      for (const stop of stopMeasuring) stop();
      for (const stop of stopFollowing) stop();
      await ahead.close();
      await contact.close();
      await shares.close();
      await risk.close();
      await venues.close();
      await metrics.close();
    },
  };
}
