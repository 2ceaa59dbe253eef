import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createCalendarActivities } from '../../activities/calendar/index.js';
import { createControlActivities } from '../../activities/control/index.js';
import { mapped } from '../../activities/failures.js';
import { dailyChecks } from '../../activities/runbook/daily-checks/daily-checks.js';
import { drawdown } from '../../activities/runbook/drawdown/drawdown.js';
import { discrepancy } from '../../activities/runbook/discrepancy/discrepancy.js';
import { createRunbookActivities } from '../../activities/runbook/index.js';
import { venueDisconnected } from '../../activities/runbook/venue-disconnected/venue-disconnected.js';
import { createKillActivities } from '../../activities/kill/index.js';
import { createOwnerActivities } from '../../activities/order/index.js';
import { createResolve } from '../../activities/order/resolve.js';
import { createReconcileActivities, createReconcileNow } from '../../activities/reconcile/index.js';
import { OutboxLoop } from '../../activities/owner/outbox.js';
import { streamAccount } from '../../activities/streams/account.js';
import type { AccountStreamActivities } from '../../activities/streams/index.js';
import { oneHere } from '../../activities/streams/one-here.js';
import { roomOf } from '../../adapters/storage/disk.js';
import { readChatFacts } from '../../adapters/store/chat-reading-store.js';
import { readCalendarFacts, readCheckFacts, readDayStatement } from '../../adapters/store/checks-store.js';
import { createDiscrepancyStore } from '../../adapters/store/discrepancy-store.js';
import { createRunbookStore } from '../../adapters/store/runbook-store.js';
import { createDrawdownStore } from '../../adapters/store/drawdown-store.js';
import { createCalendarStore } from '../../adapters/store/calendar-store.js';
import { createOutageStore } from '../../adapters/store/outage-store.js';
import { createOutboxStore } from '../../adapters/store/outbox-store.js';
import { createBeginningStore } from '../../adapters/store/beginning-store.js';
import { createReconcileStore } from '../../adapters/store/reconcile-store.js';
import { evidenceFolder, isHaltedFromChat } from '../../config/index.js';
import { readCopies } from '../../db/copies.js';
import { checkDurability } from '../../db/durability.js';
import { placeOfStart, type StartPlace } from '../../db/start-order.js';
import { rulesAt } from '../../core/reconcile/rules.js';
import { heldOf } from '../../core/venue/held.js';
import { TASK_QUEUES } from '../../workflows/names.js';
import { beginAccount } from '../composition/begin-account.js';
import { Beginnings } from '../composition/beginnings.js';
import { refreshCalendarNow, sha256 } from '../composition/calendar.js';
import { heedGoneBack } from '../composition/gone-back.js';
import { comparedPace, sayTooMany } from '../composition/compared-pace.js';
import { createKills } from '../composition/kills.js';
import { KeptSchedules } from '../composition/kept-schedules.js';
import type { LastingRole, Role } from '../composition/main.js';
import { makeUpForDays, scheduleFacts, tellLeftOut, tellRefused } from '../composition/left-out.js';
import { createOwners } from '../composition/owners.js';
import { AS_THEY_ARE, type PortWraps } from '../composition/ports.js';
import type { WorkerProcess } from '../composition/process.js';
import { createReconciliations, createWorkflowRuns } from '../composition/reconciliations.js';
import { createWorker } from '../composition/run-worker.js';
import { createRunbookRuns, runUnderWay, tradingRunbooks } from '../composition/runbooks.js';
import { outageRulesOf } from '../composition/watched-account.js';
import {
  calendarSchedule,
  declaredSchedules,
  ensureSchedules,
  OF_NO_ACCOUNT,
  removeSchedules,
  type DeclaredSchedule,
} from '../composition/schedules.js';
import { guardAlone, type GuardianAlone } from './guardian-alone.js';

/** The guardian's role. What it can do without Temporal it does from the beginning, and goes on with. */
export function guardianRole(wraps: PortWraps = AS_THEY_ARE): LastingRole<GuardianAlone> {
  return {
    alone: (process) => guardAlone(process, wraps),
    // Before anything is placed, whose names may have been used; a halt waits for no Temporal to say so.
    heed: async (process) => {
      await Promise.all(Object.keys(process.config.accounts).map(async (account) => heedGoneBack(process, account)));
    },
    open: (process, alone) => openGuardian(process, alone, wraps),
  };
}

/** Trading mode, reconciliation, account streams, owners of positions and the outbox that wakes them. */
async function openGuardian(process: WorkerProcess, alone: GuardianAlone, wraps: PortWraps): Promise<Role> {
  const { config, client, log, clock, control, env, stopping, epoch, instanceId, pool, databaseUrl } = process;
  const { bars, orders, calendar, venues, live, accounts, watchers, readPool, protection, books, tradedOf, killParts } = alone;
  const { kills: killStore } = killParts;
  alone.metrics.withTemporal();
  const owners = wraps.owners(createOwners(client, clock));
  const kills = createKills(client, clock);
  const reconciliations = createReconciliations(client, clock);
  const venueNameOf = (account: string): string => config.accounts[account]?.venue ?? account;
  const ownerActivities = createOwnerActivities(
    {
      ...books,
      risk: { read: (key) => orders.readRisk(key) },
      venueOf: venues.of,
      live,
      instanceId,
      entriesOf: () => {
        throw new Error('invariant: the guardian makes no entries');
      },
    },
    protection,
  );
  const streamDependencies = {
    books,
    venueOf: venues.of,
    venueNameOf,
    bars,
    resolve: createResolve({ ...books, venueOf: venues.of }),
    protection,
    owners,
    reconciliations,
    tradedOf,
    watchersOf: watchers.of,
    clock,
    stopping: stopping.signal,
    log,
  };
  const streamActivities: AccountStreamActivities = {
    streamAccount: oneHere(mapped((account) => streamAccount(streamDependencies, account))),
  };
  const declaredOf = (of: readonly string[]): DeclaredSchedule[] =>
    declaredSchedules(Object.fromEntries(Object.entries(config.accounts).map(([name, { checks }]) => [name, checks]))).filter(
      ({ account }) => account !== null && of.includes(account),
    );
  const checkReads = {
    facts: (account: string) => readCheckFacts(pool, account),
    disk: () => roomOf(dirname(evidenceFolder(env))),
    keys: async (account: string) => {
      const { canWithdraw } = await venues.of(account).reader.keyPermissions();
      return { venue: venueNameOf(account), canWithdraw };
    },
    calendar: () => readCalendarFacts(pool),
    ...(isHaltedFromChat(config) ? { chat: () => readChatFacts(pool) } : {}),
    copies: () => readCopies(pool),
    schedules: (account: string) => scheduleFacts(client, declaredOf([account])),
    balances: async (account: string) => heldOf(await venues.of(account).reader.balances()),
    statement: (account: string) => readDayStatement(readPool, account),
    pause: (ms: number) => wait(ms, undefined, { signal: stopping.signal }),
  };
  const discrepancies = createDiscrepancyStore(pool);
  const reconcileParts = {
    books,
    reconciliations: createReconcileStore(pool, readPool),
    venueOf: venues.of,
    protection,
    owners,
    runs: createWorkflowRuns(client, clock),
    liftsOf: (account: string) => config.accounts[account]?.reconciliation.liftAfter ?? [],
    rulesAt,
    paceOf: (account: string) => comparedPace(process, account),
    clock,
    newId: randomUUID,
    pause: (ms: number) => wait(ms),
    log,
  };
  sayTooMany(process);
  const reconcileNow = createReconcileNow(reconcileParts);
  const interruptible = {
    pause: (ms: number) => wait(ms, undefined, { signal: stopping.signal }).catch(() => undefined),
    stopping: stopping.signal,
  };
  const runbookStore = wraps.runbooks(createRunbookStore(pool));
  const outageParts = {
    outages: createOutageStore(pool),
    venueOf: venues.of,
    reconciliations,
    rulesOf: (account: string) => outageRulesOf(config, account),
    liftsOf: reconcileParts.liftsOf,
    ...interruptible,
  };
  const worker = await createWorker(process, TASK_QUEUES.guardian, {
    ...createControlActivities(
      control,
      async (account) => (await checkReads.keys(account)).canWithdraw,
      (account) => reconcileNow(account, 'demand'),
    ),
    ...ownerActivities,
    ...streamActivities,
    ...createRunbookActivities({
      store: runbookStore,
      runbooks: {
        ...tradingRunbooks({
          ...process,
          checkLedger: () => checkDurability(pool),
          venueOf: venues.of,
          books,
          facts: checkReads.facts,
          reconcileNow,
        }),
        morningChecks: dailyChecks('morningChecks', checkReads),
        eveningChecks: dailyChecks('eveningChecks', checkReads),
        venueDisconnected: venueDisconnected(outageParts),
        drawdown: drawdown({ ...interruptible, drawdowns: createDrawdownStore(pool, readPool), files: killParts.files }),
        reconciliationDiscrepancy: discrepancy(discrepancies, { compare: (account) => reconciliations.start(account, 'demand') }),
      },
      approvalFor: config.runbooks.approval,
      stopping: stopping.signal,
      actor: `guardian ${env['KEELSON_INSTANCE'] ?? '1'}`,
      isUnderWay: runUnderWay(client, clock),
    }),
    ...createKillActivities(killParts, reconcileNow),
    ...createReconcileActivities(reconcileParts),
    ...createCalendarActivities({ store: createCalendarStore(pool), calendar, sha256 }),
  });
  const runbooks = createRunbookRuns(client, clock);
  const outbox = new OutboxLoop({ outbox: wraps.outbox(createOutboxStore(pool, databaseUrl, epoch)), owners, kills, runbooks, log });

  const beginnings = new Beginnings({ store: createBeginningStore(pool), who: `guardian ${env['KEELSON_INSTANCE'] ?? '1'}`, clock, log });
  let kept: KeptSchedules | undefined;

  return {
    worker,
    async started() {
      const place = (): Promise<StartPlace> => placeOfStart(pool, env['KEELSON_START']);
      const parts = {
        ...{ client, pool, clock, epoch, env, log, protection, killStore, kills, owners },
        ...{ discrepancies, runbookStore, runbooks, reconciliations, place },
      };
      await Promise.all(accounts.map((account) => beginnings.begin(account, () => beginAccount(parts, account), account)));
      const declared = declaredOf(Object.keys(config.accounts));
      const ofCalendar = config.calendar === undefined ? [] : [calendarSchedule(config.calendar.refreshMinutes)];
      const set = async (which: 'all' | 'changed'): Promise<void> => {
        await tellRefused(pool, await ensureSchedules(client, [...declared, ...ofCalendar], TASK_QUEUES.guardian, which), log);
        await removeSchedules(client, [...accounts, ...(ofCalendar.length > 0 ? [OF_NO_ACCOUNT] : [])]);
        await makeUpForDays(pool, client, reconciliations, accounts);
      };
      const schedules = new KeptSchedules({
        place,
        begin: async () => {
          await set('all');
          if (ofCalendar.length > 0) await refreshCalendarNow(client);
        },
        set: async () => {
          await set('changed');
          await tellLeftOut(pool, client, declared);
        },
        log,
      });
      kept = schedules;
      await beginnings.begin('the schedules', () => schedules.begin());
      schedules.start();
    },
    async close() {
      beginnings.close();
      await kept?.close();
      await outbox.close();
    },
  };
}
