import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKillActivities } from '../../activities/kill/index.js';
import { createOrderActivities, createOwnerActivities } from '../../activities/order/index.js';
import { createReconcileActivities, createReconcileNow } from '../../activities/reconcile/index.js';
import { drawdown } from '../../activities/runbook/drawdown/drawdown.js';
import { createRunbookActivities } from '../../activities/runbook/index.js';
import { discrepancy } from '../../activities/runbook/discrepancy/discrepancy.js';
import { venueDisconnected } from '../../activities/runbook/venue-disconnected/venue-disconnected.js';
import { createResolve } from '../../activities/order/resolve.js';
import { createHandOver } from '../../activities/owner/hand-over.js';
import { OutboxLoop } from '../../activities/owner/outbox.js';
import type { RunbookStore } from '../../activities/ports/runbook.js';
import { streamAccount, type AccountStreamDependencies } from '../../activities/streams/account.js';
import { streamBars, type BarStreamDependencies } from '../../activities/streams/bars.js';
import { StandIn } from '../../activities/streams/stand-in.js';
import { evidenceFiles } from '../../adapters/storage/evidence-files.js';
import { createDiscrepancyStore } from '../../adapters/store/discrepancy-store.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { createReconcileStore } from '../../adapters/store/reconcile-store.js';
import { createDrawdownStore } from '../../adapters/store/drawdown-store.js';
import { createOutageStore } from '../../adapters/store/outage-store.js';
import { createRunbookStore } from '../../adapters/store/runbook-store.js';
import { createOutboxStore } from '../../adapters/store/outbox-store.js';
import { refusesOtherEpochs, startsUnder } from '../../workers/composition/epoch.js';
import { createKills } from '../../workers/composition/kills.js';
import { createReconciliations, createWorkflowRuns } from '../../workers/composition/reconciliations.js';
import { createRunbookRuns, runUnderWay } from '../../workers/composition/runbooks.js';
import { createOwners } from '../../workers/composition/owners.js';
import { OUTAGE, type OutageRules } from '../../core/outage/rules.js';
import { rulesAt } from '../../core/reconcile/rules.js';
import { INSTRUMENT, type Ledger } from './ledger.js';
import { workflowBundle } from './workflow-bundle.js';

// The SDK tells of every step of every worker; only what went wrong is of interest.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const BAR_MS = 1_000;

export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
}

/** A worker with every activity of orders and owners, on a queue of its own, and the outbox that wakes the owners. */
export interface OrderWorker {
  readonly client: Client;
  readonly taskQueue: string;
  /** Where it writes evidence of halts. */
  readonly evidenceFolder: string;
  /** Starts the watch of an account, on this worker's queue. */
  watch(account: string): Promise<void>;
  stop(): Promise<void>;
}

export type OrderWorkerOptions = Partial<
  Pick<BarStreamDependencies, 'runnersOf'> &
    Pick<OrderWorker, 'taskQueue'> & {
      readonly outageRules: OutageRules;
      /** How many tasks it asks for at a time, where a test is about how many it gets done. */
      readonly polls: Partial<WorkerOptions>;
      /** Lies between the runs of runbooks and their records. */
      readonly overRunbooks: (store: RunbookStore) => RunbookStore;
    }
>;

/** `runnersOf`: what reads the bars of an account, for tests that start its bar stream; they have bars of one second. */
export async function startOrderWorker(
  ledger: Ledger,
  { address, namespace }: TemporalAddress,
  {
    runnersOf = () => [],
    taskQueue = `test-${process.pid}-${performance.now()}`,
    outageRules = OUTAGE,
    polls = {},
    overRunbooks = (store) => store,
  }: OrderWorkerOptions = {},
): Promise<OrderWorker> {
  const connection = await NativeConnection.connect({ address });
  // Histories that are stored tell of no machine.
  const { store, epoch, venueOf } = ledger.dependencies;
  const client = new Client({ connection, namespace, identity: 'starter', interceptors: { workflow: [startsUnder(epoch)] } });
  const owners = createOwners(client, Date.now, taskQueue);
  const kills = createKills(client, Date.now, taskQueue);
  const evidenceFolder = await mkdtemp(join(tmpdir(), 'keelson-test-evidence-'));
  const log = { warn: () => undefined };
  const stopping = new AbortController();
  const watching: AccountStreamDependencies = {
    books: { store, epoch },
    venueOf,
    venueNameOf: (account) => ledger.accounts.get(account)?.venueName ?? 'paper',
    bars: ledger.bars,
    resolve: createResolve(ledger.dependencies),
    protection: ledger.protection,
    owners,
    reconciliations: createReconciliations(client, Date.now, taskQueue),
    tradedOf: () => [{ instrument: INSTRUMENT, intervalMs: BAR_MS }],
    watchersOf: () => 1,
    clock: Date.now,
    stopping: stopping.signal,
    log,
  };
  const { books, venueNameOf, clock } = watching;
  const listening = {
    venueOf,
    venueNameOf,
    bars: ledger.bars,
    store: books.store,
    market: ledger.market,
    runnersOf,
    isActive: () => Promise.resolve(true),
    standIn: new StandIn(),
    clock,
    stopping: stopping.signal,
    log,
  };
  const reconciling = {
    books,
    reconciliations: createReconcileStore(ledger.pool),
    venueOf,
    protection: ledger.protection,
    owners,
    runs: createWorkflowRuns(client, clock),
    liftsOf: () => [],
    rulesAt,
    paceOf: () => ({ eachMinutes: 1, place: 0 }),
    clock,
    newId: randomUUID,
    pause: (ms: number) => wait(ms),
    log,
  };
  const outages = {
    outages: createOutageStore(ledger.pool),
    venueOf,
    reconciliations: watching.reconciliations,
    rulesOf: () => outageRules,
    liftsOf: reconciling.liftsOf,
    pause: (ms: number) => wait(ms, undefined, { signal: stopping.signal }).catch(() => undefined),
    stopping: stopping.signal,
  };
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: 'worker',
    interceptors: { activity: [refusesOtherEpochs(epoch)] },
    workflowBundle: await workflowBundle(),
    activities: {
      ...createOrderActivities(ledger.dependencies),
      ...createOwnerActivities(ledger.dependencies, ledger.protection),
      ...createHandOver(owners),
      ...createKillActivities(
        {
          ...ledger.dependencies,
          kills: createKillStore(ledger.pool),
          protection: ledger.protection,
          files: evidenceFiles(evidenceFolder),
          newId: randomUUID,
          clock: Date.now,
        },
        createReconcileNow(reconciling),
      ),
      ...createReconcileActivities(reconciling),
      ...createRunbookActivities({
        store: overRunbooks(createRunbookStore(ledger.pool)),
        runbooks: {
          venueDisconnected: venueDisconnected(outages),
          drawdown: drawdown({
            ...{ pause: outages.pause, stopping: stopping.signal, files: evidenceFiles(evidenceFolder) },
            drawdowns: createDrawdownStore(ledger.pool, ledger.pool),
          }),
          reconciliationDiscrepancy: discrepancy(createDiscrepancyStore(ledger.pool), {
            compare: (account) => watching.reconciliations.start(account, 'demand'),
          }),
        },
        actor: 'worker',
        stopping: stopping.signal,
        isUnderWay: runUnderWay(client, clock),
      }),
      streamAccount: (account: string) => streamAccount(watching, account),
      streamBars: (account: string) => streamBars(listening, account, BAR_MS),
    },
    ...polls,
    shutdownForceTime: '10s',
  });
  const running = worker.run();
  const outbox = new OutboxLoop({
    outbox: createOutboxStore(ledger.pool, ledger.database.url, ledger.dependencies.epoch),
    owners,
    kills,
    runbooks: createRunbookRuns(client, Date.now, taskQueue),
    log,
  });
  return {
    client,
    taskQueue,
    evidenceFolder,
    async watch(account) {
      await client.workflow.start('watchAccount', {
        taskQueue,
        workflowId: `watch:${account}:${taskQueue}`,
        args: [account],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    },
    async stop() {
      stopping.abort();
      await outbox.close();
      worker.shutdown();
      await running;
      await connection.close();
      await rm(evidenceFolder, { recursive: true, force: true });
    },
  };
}
