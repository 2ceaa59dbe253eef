import { randomUUID } from 'node:crypto';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import { createReconcileStore } from '../../adapters/store/reconcile-store.js';
import { createRunbookStore } from '../../adapters/store/runbook-store.js';
import { readCalendarFacts, readCheckFacts, readDayStatement } from '../../adapters/store/checks-store.js';
import type { Config } from '../../config/index.js';
import { RECONCILE } from '../../core/reconcile/rules.js';
import { RUNBOOK_SPECS } from '../../core/runbook/registry.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { findStrategy } from '../../core/strategy/registry.js';
import { TEST_KEY, TEST_SECRET } from '../../exchange/testing/open-venue.js';
import { DyingRunbooks } from './dying-runbooks.js';
import { eventually } from './eventually.js';
import type { TestTemporal } from './temporal.js';
import { workflowBundle } from './workflow-bundle.js';
import { seedPerson } from './people.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, startWorker } from './trading-stack.js';
import { VENUE_ACCOUNT } from './paper-account.js';
import { createOwners } from '../../workers/composition/owners.js';
import { createWorkflowRuns } from '../../workers/composition/reconciliations.js';
import { runUnderWay, tradingRunbooks } from '../../workers/composition/runbooks.js';
import { announceStart, carryOutStartUp } from '../../workers/composition/start-ups.js';
import type { RunbookEnd, RunbookState } from '../../workflows/operations/runbook/messages.js';
import { createReconcileNow } from '../../activities/reconcile/index.js';
import { dailyChecks } from '../../activities/runbook/daily-checks/daily-checks.js';
import { createRunbookActivities } from '../../activities/runbook/index.js';

const LIMIT_MS = 90_000;
const BAR_MS = 1_000;
const HISTORY = findStrategy('momentum')?.lookbackBars ?? 0;

/** What a test may change for itself. */
export interface TradingWorld {
  /** How far the venue's clock is told to be off. */
  skewMs: number;
  /** By REST, as what was missed on the stream is. */
  areMissed: boolean;
  /** Whether a start-up looks for long before it asks a person. */
  isPatient: boolean;
  checkLedger: () => Promise<void>;
  rules: { observeBars: number; observeAtMostMs: number; afterwards: 'asBefore' | 'observation' };
  shutdown: { workingEntries: 'wait' | 'cancel'; waitAtMostMs: number };
}

const asUsual = (): TradingWorld => ({
  ...{ skewMs: 0, areMissed: false, isPatient: true },
  // The test’s database is quick and forgets.
  checkLedger: () => Promise.resolve(),
  rules: { observeBars: 2, observeAtMostMs: 300_000, afterwards: 'asBefore' },
  shutdown: { workingEntries: 'cancel', waitAtMostMs: 300_000 },
});

export type TradingRunbooks = Awaited<ReturnType<typeof openTradingRunbooks>>;

/** Start-up and graceful shutdown of one account, on real servers and the paper venue, with olga (operator). */
export async function openTradingRunbooks({ address, namespace }: TestTemporal) {
  const world = asUsual();
  const taskQueue = `trading-runbooks-${randomUUID()}`;
  const open: string[] = [];
  const dying = new DyingRunbooks();
  const stack = await openTradingStack({
    venueOf: (venue) => {
      const clock = async (): ReturnType<typeof venue.reader.clock> => {
        const read = await venue.reader.clock();
        return { ...read, skewMs: read.skewMs + world.skewMs };
      };
      return { ...venue, reader: { ...venue.reader, clock } };
    },
  });
  const orders = await startWorker(stack, { address, namespace });
  const key = await seedPerson(stack.pool, 'olga', ['operator']);
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  const { store, venueOf, epoch } = stack.dependencies;
  const log = { warn: () => undefined };
  const reconcileNow = createReconcileNow({
    books: { store, epoch },
    reconciliations: createReconcileStore(stack.pool, stack.pool),
    venueOf,
    protection: stack.protection,
    owners: createOwners(orders.client, Date.now, orders.taskQueue),
    runs: createWorkflowRuns(orders.client, Date.now),
    liftsOf: () => [],
    rulesAt: () => ({ ...RECONCILE, secondLookMs: 200 }),
    paceOf: () => ({ eachMinutes: 1, place: 0 }),
    clock: Date.now,
    newId: randomUUID,
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    log,
  });
  const config = {
    accounts: {
      get [ACCOUNT]() {
        return { venue: 'paper', startUp: world.rules, shutdown: world.shutdown };
      },
    },
    strategies: [{ id: 'momentum', account: ACCOUNT, interval: '1s', instruments: [INSTRUMENT] }],
  } as unknown as Config;
  const trading = {
    pool: stack.pool,
    config,
    clock: Date.now,
    stopping: new AbortController(),
    log,
    venueOf,
    books: { store, epoch },
    facts: (account: string) => readCheckFacts(stack.pool, account),
    reconcileNow,
    venuePatienceMs: 2_000,
    checkLedger: () => world.checkLedger(),
  };
  const patient = tradingRunbooks({ ...trading, patienceMs: LIMIT_MS });
  const impatient = tradingRunbooks({ ...trading, patienceMs: 1_000 });
  const activities = createRunbookActivities({
    store: dying.over(createRunbookStore(stack.pool)),
    runbooks: {
      gracefulShutdown: patient.gracefulShutdown,
      get startUp() {
        return world.isPatient ? patient.startUp : impatient.startUp;
      },
      morningChecks: dailyChecks('morningChecks', {
        facts: (account) => readCheckFacts(stack.pool, account),
        disk: () => Promise.resolve({ freeBytes: 4e9, wholeBytes: 8e9 }),
        keys: () => Promise.resolve({ venue: 'paper', canWithdraw: false }),
        calendar: () => readCalendarFacts(stack.pool),
        copies: () => Promise.resolve([]),
        schedules: () => Promise.resolve([]),
        balances: () => Promise.resolve({}),
        statement: (account) => readDayStatement(stack.pool, account),
        pause: () => Promise.resolve(),
      }),
    },
    actor: 'test',
    stopping: new AbortController().signal,
    isUnderWay: runUnderWay(client, Date.now),
  });
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
  const running = worker.run();

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;
  let bars: NodeJS.Timeout | undefined;
  /** One bar a second, each stored a moment after its close, and the window that the strategy needs. */
  const feed = (): void => {
    let next = Math.floor(Date.now() / BAR_MS) * BAR_MS;
    const insert = (from: number, to: number, source: string): Promise<unknown> =>
      stack.pool
        .query(
          `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
             select 'paper', $1, $2::bigint, t, t + $2::bigint - 1, 50000, 50000, 50000, 50000, 1, $5 from generate_series($3::bigint, $4::bigint, $2::bigint) t
             on conflict do nothing`,
          [INSTRUMENT, BAR_MS, from, to, source],
        )
        .catch(() => undefined);
    void insert(next - (HISTORY + 2) * BAR_MS, next - BAR_MS, 'rest');
    bars = setInterval(() => {
      const closed = Math.floor(Date.now() / BAR_MS) * BAR_MS - BAR_MS;
      if (closed < next) return;
      void insert(next, closed, world.areMissed ? 'rest' : 'stream');
      next = closed + BAR_MS;
    }, 100);
  };

  /** Before each test. */
  const renew = async (): Promise<void> => {
    Object.assign(world, asUsual());
    dying.areDeadly = false;
    stack.paper.openAccount(
      { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, permissions: ['read', 'trade'], feeAsset: 'received' },
      new Map(),
    );
    await query('delete from runbook_locks');
    await query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await query(
      `update control set mode = 'normal', runbook_hold = null, reconciliation_hold = null, version = version + 1 where account = $1`,
      ACCOUNT,
    );
    // The heartbeat that stands in for a watch tells nothing of the venue.
    await query(`update account_watch set details = '{"ages": {"venueMs": 5}, "clockSkewMs": 0}', runs = '{}' where account = $1`, ACCOUNT);
    clearInterval(bars);
    feed();
  };
  /** After each test. */
  const clear = async (): Promise<void> => {
    clearInterval(bars);
    for (const runId of open.splice(0)) {
      await client.workflow
        .getHandle(runbookWorkflowId(runId))
        .terminate('the test is over')
        .catch(() => undefined);
    }
  };
  const close = async (): Promise<void> => {
    clearInterval(bars);
    worker.shutdown();
    await running;
    await orders.stop();
    await connection.close();
    await stack.close();
  };

  const mode = async (): Promise<string> =>
    (await query<{ mode: string }>('select mode from control where account = $1', ACCOUNT))[0]?.mode ?? '?';
  const handleOf = (runId: string): WorkflowHandle => client.workflow.getHandle(runbookWorkflowId(runId));
  const endOf = async (runId: string): Promise<RunbookEnd> => (await handleOf(runId).result()) as RunbookEnd;
  const state = (runId: string): Promise<RunbookState> => handleOf(runId).query('state');
  const waits = (runId: string, step: string): Promise<RunbookState> =>
    eventually(async () => {
      const seen = await state(runId);
      expect([seen.status, seen.steps[seen.position]?.name]).toEqual(['waitingForPerson', step]);
      return seen;
    }, LIMIT_MS);
  const audited = async (runId: string): Promise<string[]> => {
    const rows = await query<{ line: string }>(
      `select (data->>'was') || ' -> ' || (data->>'mode') as line from audit_events
         where kind = 'mode.changed' and data->>'runId' = $1 order by event_id`,
      runId,
    );
    return rows.map(({ line }) => line);
  };
  /** A new start of the system, as its first guardian begins it. */
  const start = async (name: string = randomUUID()): Promise<string> => {
    const begun = await announceStart(stack.pool, name, ACCOUNT);
    if (begun === undefined) throw new Error('it belongs to a start');
    open.push(begun.runId);
    await carryOutStartUp(client, ACCOUNT, begun, taskQueue);
    return begun.runId;
  };
  const ask = async (runbook: 'startUp' | 'gracefulShutdown' | 'morningChecks'): Promise<string> => {
    const runId = randomUUID();
    open.push(runId);
    const asked = {
      runId,
      runbook,
      account: ACCOUNT,
      resource: `${RUNBOOK_SPECS[runbook].resource}:${ACCOUNT}`,
      inputs: {},
      reason: 'a test',
      subject: 'olga',
      underKey: key,
    };
    expect((await query<{ answer: string }>('select ask_runbook($1) as answer', asked))[0]?.answer).toBe('asked');
    await client.workflow.start('runbook', { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId] });
    return runId;
  };
  const tell = async (runId: string, kind: 'retry' | 'sign' | 'abort', position: number | null): Promise<void> => {
    const command = { commandId: randomUUID(), runId, kind, position, reason: 'a test', subject: 'olga', underKey: key };
    await query('select command_runbook($1)', command);
    await handleOf(runId).executeUpdate('command', { args: [{ commandId: command.commandId }] });
  };
  const person = async (wanted: string): Promise<void> => {
    const commandId = randomUUID();
    await query(
      `insert into commands (command_id, account, kind, mode, expected_version, subject, key_id, reason)
         select $1, $2, 'mode', $3, version, 'olga', $4, 'odd fills' from control where account = $2`,
      commandId,
      ACCOUNT,
      wanted,
      key,
    );
    const [row] = await query<{ answer: { result: string } }>('select apply_mode_command($1) as answer', {
      commandId,
      account: ACCOUNT,
      kind: 'mode',
    });
    expect(row?.answer).toMatchObject({ result: 'applied' });
  };
  /** A limit order far below the price, resting at the venue. */
  const workingEntry = async (): Promise<string> => {
    stack.ledger.workEntries(ACCOUNT, {
      execution: { kind: 'limit', offsetBps: 4_000, workMs: 600_000, postOnly: false },
    });
    const barCloseTime = Date.now();
    const signal = { ...stack.signal('open', barCloseTime), validUntil: Date.now() + 600_000 };
    await orders.client.workflow.start('signalToOrder', {
      taskQueue: orders.taskQueue,
      workflowId: `signal:${ACCOUNT}:${barCloseTime}`,
      args: [signal],
    });
    return eventually(async () => {
      const [order] = await query<{ intent_id: string; status: string; failures: unknown }>(
        `select intent_id, status, failures from orders where account = $1 and signal_id like '%' || $2 || '%'`,
        ACCOUNT,
        String(barCloseTime),
      );
      expect([order?.status, order?.failures]).toEqual(['accepted', []]);
      return order?.intent_id ?? '';
    }, LIMIT_MS);
  };
  const statusOf = async (intentId: string): Promise<string | undefined> =>
    (await query<{ status: string }>('select status from orders where intent_id = $1', intentId))[0]?.status;
  return {
    stack,
    world,
    dying,
    renew,
    clear,
    close,
    query,
    mode,
    handleOf,
    endOf,
    state,
    waits,
    audited,
    start,
    ask,
    tell,
    person,
    workingEntry,
    statusOf,
  };
}
