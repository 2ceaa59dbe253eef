import { randomUUID } from 'node:crypto';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReconcileStore } from '../../../adapters/store/reconcile-store.js';
import { createRunbookStore } from '../../../adapters/store/runbook-store.js';
import { createTradingStateStore } from '../../../adapters/store/trading-state-store.js';
import { readCalendarFacts, readCheckFacts, readDayStatement } from '../../../adapters/store/checks-store.js';
import type { Config } from '../../../config/index.js';
import { RECONCILE } from '../../../core/reconcile/rules.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import { findStrategy } from '../../../core/strategy/registry.js';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { DyingRunbooks } from '../../../test/support/dying-runbooks.js';
import { eventually } from '../../../test/support/eventually.js';
import { workflowBundle } from '../../../test/support/workflow-bundle.js';
import { seedPerson } from '../../../test/support/people.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../../test/support/trading-stack.js';
import { VENUE_ACCOUNT } from '../../../test/support/paper-account.js';
import { createOwners } from '../../../workers/composition/owners.js';
import { createWorkflowRuns } from '../../../workers/composition/reconciliations.js';
import { runUnderWay, tradingRunbooks } from '../../../workers/composition/runbooks.js';
import { announceStart, carryOutStartUp } from '../../../workers/composition/start-ups.js';
import type { RunbookEnd, RunbookState } from '../../../workflows/operations/runbook/messages.js';
import { createReconcileNow } from '../../reconcile/index.js';
import { dailyChecks } from '../daily-checks/daily-checks.js';
import { createRunbookActivities } from '../index.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 90_000;
const BAR_MS = 1_000;
const HISTORY = findStrategy('momentum')?.lookbackBars ?? 0;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe.skipIf(temporal === undefined)('start-up and graceful shutdown, on real servers and the paper venue', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  let stack: TradingStack;
  let orders: StackWorker;
  let connection: NativeConnection;
  let client: Client;
  let worker: Worker;
  let running: Promise<void>;
  let key: string;
  let bars: NodeJS.Timeout;
  /** How far the venue's clock is told to be off. */
  let skewMs = 0;
  /** By REST, as what was missed on the stream is. */
  let areMissed = false;
  let rules: { observeBars: number; observeAtMostMs: number; afterwards: 'asBefore' | 'observation' };
  let shutdown: { workingEntries: 'wait' | 'cancel'; waitAtMostMs: number };
  const taskQueue = `trading-runbooks-${randomUUID()}`;
  const open: string[] = [];
  const dying = new DyingRunbooks();

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue) => {
        const clock = async (): ReturnType<typeof venue.reader.clock> => {
          const read = await venue.reader.clock();
          return { ...read, skewMs: read.skewMs + skewMs };
        };
        return { ...venue, reader: { ...venue.reader, clock } };
      },
    });
    if (temporal === undefined) return;
    orders = await startWorker(stack, temporal);
    key = await seedPerson(stack.pool, 'olga', ['operator']);
    connection = await NativeConnection.connect({ address });
    client = new Client({ connection, namespace });
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
      newId: randomUUID,
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      log,
    });
    const config = {
      accounts: {
        get [ACCOUNT]() {
          return { venue: 'paper', startUp: rules, shutdown };
        },
      },
      strategies: [{ id: 'momentum', account: ACCOUNT, interval: '1s', instruments: [INSTRUMENT] }],
    } as unknown as Config;
    const runbooks = tradingRunbooks({
      pool: stack.pool,
      config,
      clock: Date.now,
      stopping: new AbortController(),
      log,
      venueOf,
      books: { store, epoch },
      facts: (account: string) => readCheckFacts(stack.pool, account),
      reconcileNow,
      patienceMs: LIMIT_MS,
      venuePatienceMs: 2_000,
      // The test’s database is quick and forgets.
      checkLedger: () => Promise.resolve(),
    });
    const activities = createRunbookActivities({
      store: dying.over(createRunbookStore(stack.pool)),
      runbooks: {
        ...runbooks,
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
    worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
    running = worker.run();
  });
  afterAll(async () => {
    clearInterval(bars);
    worker?.shutdown();
    await running;
    await orders?.stop();
    await connection?.close();
    await stack?.close();
  });

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
      void insert(next, closed, areMissed ? 'rest' : 'stream');
      next = closed + BAR_MS;
    }, 100);
  };

  beforeEach(async () => {
    [skewMs, areMissed, dying.areDeadly] = [0, false, false];
    rules = { observeBars: 2, observeAtMostMs: 300_000, afterwards: 'asBefore' };
    shutdown = { workingEntries: 'cancel', waitAtMostMs: 300_000 };
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
  });
  afterEach(async () => {
    clearInterval(bars);
    for (const runId of open.splice(0)) {
      await client.workflow
        .getHandle(runbookWorkflowId(runId))
        .terminate('the test is over')
        .catch(() => undefined);
    }
  });

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

  it('a new start checks before it trades: in observation from the first moment, normal after the last step, and once for each start', async () => {
    const name = randomUUID();
    const begun = await announceStart(stack.pool, name, ACCOUNT);
    expect(await mode()).toBe('observation');
    const runId = await start(name);
    expect(runId).toBe(begun?.runId);
    expect(await endOf(runId)).toEqual({ status: 'completed', detail: null });
    expect(await mode()).toBe('normal');
    expect(await audited(runId)).toEqual(['normal -> observation', 'observation -> normal']);
    const parts = await query<{ name: string }>(
      `select name from runbook_parts where run_id = $1 group by name order by min(started_at)`,
      runId,
    );
    expect(parts.map((part) => part.name)).toEqual([
      ...['entries', 'dependencies', 'migrations', 'venue', 'keys', 'reconcile', 'observation', 'bars', 'trade'],
    ]);
    // A worker that crashed and comes back, of the same start, changes nothing.
    expect(await announceStart(stack.pool, name, ACCOUNT)).toMatchObject({ runId, isEnded: true });
    expect(await announceStart(stack.pool, undefined, ACCOUNT)).toBeUndefined();
    expect(await mode()).toBe('normal');
  });

  it('where it is configured so it stays in observation after all its checks, until a person lets it go on or a start does', async () => {
    rules = { ...rules, afterwards: 'observation' };
    const runId = await start();
    expect(await endOf(runId)).toEqual({ status: 'completed', detail: null });
    expect([await mode(), await audited(runId)]).toEqual(['observation', ['normal -> observation']]);
    const trade = (of: string) =>
      query(`select part, outcome, output from runbook_parts where run_id = $1 and name = 'trade' and part = 'verification'`, of);
    expect(await trade(runId)).toEqual([{ part: 'verification', outcome: 'done', output: { stays: 'observation' } }]);
    // What is configured is of the account, not of its first start.
    const again = await start();
    expect(await endOf(again)).toEqual({ status: 'completed', detail: null });
    expect([await mode(), await audited(again)]).toEqual(['observation', []]);
    await person('normal');
    expect(await mode()).toBe('normal');
    rules = { ...rules, afterwards: 'asBefore' };
    const next = await start();
    expect(await endOf(next)).toEqual({ status: 'completed', detail: null });
    expect([await mode(), await trade(next)]).toEqual(['normal', [{ part: 'verification', outcome: 'done', output: null }]]);
  });

  it('a key that may withdraw is refused, and the next start ends the run that waits', async () => {
    const may = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, feeAsset: 'received' };
    stack.paper.openAccount({ ...may, permissions: ['read', 'trade', 'withdraw'] }, new Map());
    const runId = await start();
    const waiting = await waits(runId, 'keys');
    expect(waiting.detail).toContain('RISK_KEY_WITHDRAWS');
    expect(await mode()).toBe('observation');
    stack.paper.openAccount({ ...may, permissions: ['read', 'trade'] }, new Map());
    const next = await start();
    await expect(handleOf(runId).result()).rejects.toThrow('the system was started anew');
    expect(await query('select status from runbook_runs where run_id = $1', runId)).toEqual([{ status: 'preempted' }]);
    // Whoever is still at work on it does nothing more: what is entered now is of the new start.
    expect(await createTradingStateStore(stack.pool).standing(ACCOUNT, runId)).toMatchObject({ isAborted: true });
    expect(await endOf(next)).toMatchObject({ status: 'completed' });
    expect(await mode()).toBe('normal');
  });

  it('also where a person had paused the account a key that may withdraw is refused: nobody could resume with it unseen', async () => {
    const may = { name: VENUE_ACCOUNT, key: TEST_KEY, secret: TEST_SECRET, feeAsset: 'received' };
    stack.paper.openAccount({ ...may, permissions: ['read', 'trade', 'withdraw'] }, new Map());
    await query(`update control set mode = 'paused', version = version + 1 where account = $1`, ACCOUNT);
    const waiting = await waits(await start(), 'keys');
    expect(waiting.detail).toContain('RISK_KEY_WITHDRAWS');
    expect(await mode()).toBe('paused');
  });

  it('a clock over the limit, and bars that were missed, keep the account in observation until a person has it tried again', async () => {
    skewMs = 5_000;
    rules = { ...rules, observeAtMostMs: 10_000 };
    areMissed = true;
    const runId = await start();
    expect((await waits(runId, 'venue')).detail).toContain('differs from ours');
    skewMs = 0;
    await tell(runId, 'retry', 3);
    expect((await waits(runId, 'bars')).detail).toContain('bars have arrived in time');
    expect(await mode()).toBe('observation');
    await eventually(async () => {
      const told = await query<{ kind: string }>(
        `select kind from alerts where alert_key like 'runbook:' || $1 || '%' order by alert_id`,
        runId,
      );
      expect(told.map(({ kind }) => kind)).toEqual(['runbook.waits', 'runbook.waits']);
    }, LIMIT_MS);
    areMissed = false;
    await tell(runId, 'retry', 7);
    expect(await endOf(runId)).toMatchObject({ status: 'completed' });
    expect(await mode()).toBe('normal');
  });

  it('what has left the account since it was compared lets it not trade: it is compared once more at the end', async () => {
    areMissed = true;
    const runId = await start();
    await eventually(async () => expect((await state(runId)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', -100_000_000n);
    areMissed = false;
    expect(await endOf(runId)).toMatchObject({ detail: expect.stringContaining('balanceMovement') as string });
    // What was seen is a person's now.
    expect(await mode()).toBe('paused');
    stack.paper.moveBalance(VENUE_ACCOUNT, 'USDT', 100_000_000n);
  });

  it('what a person has paused stays so, and the run says it; so does one that pauses in the middle', async () => {
    await person('paused');
    const before = await start();
    expect(await endOf(before)).toMatchObject({
      status: 'completedWithFailures',
      detail: expect.stringContaining('paused, set by olga') as string,
    });
    expect([await mode(), await audited(before)]).toEqual(['paused', []]);
    await person('normal');
    areMissed = true;
    const during = await start();
    await eventually(async () => expect((await state(during)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    await person('reduceOnly');
    areMissed = false;
    expect(await endOf(during)).toMatchObject({ status: 'completedWithFailures' });
    expect([await mode(), await audited(during)]).toEqual(['reduceOnly', ['normal -> observation']]);
  });

  it('a halt goes first: the run ends, and the account stays as strict as it was held', async () => {
    areMissed = true;
    const runId = await start();
    await eventually(async () => expect((await state(runId)).steps[7]?.state).toBe('doing'), LIMIT_MS);
    await query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'olga')`, ACCOUNT);
    expect(await endOf(runId)).toMatchObject({ status: 'preempted' });
    expect(await mode()).toBe('observation');
    const [alert] = await query<{ summary: string }>(`select summary from alerts where alert_key = 'runbook:' || $1`, runId);
    expect(alert?.summary).toContain('keelson runbooks run startUp');
  });

  it('shut down, a working entry is canceled; the next start trades again without a person; both killed in every part', async () => {
    const intentId = await workingEntry();
    dying.areDeadly = true;
    const down = await ask('gracefulShutdown');
    expect(await endOf(down)).toMatchObject({ status: 'completed' });
    expect(await dying.survived(stack.pool, down)).toEqual([]);
    expect([await mode(), await statusOf(intentId)]).toEqual(['paused', 'canceled']);
    expect(await audited(down)).toEqual(['normal -> paused']);
    expect(await query(`select output from runbook_parts where run_id = $1 and name = 'quiet'`, down)).toEqual([
      { output: { safeToStop: true } },
    ]);
    const up = await start();
    expect(await endOf(up)).toMatchObject({ status: 'completed' });
    expect([await mode(), await audited(up)]).toEqual(['normal', ['paused -> observation', 'observation -> normal']]);
    expect(await dying.survived(stack.pool, up)).toEqual([]);
    const canceled = await query(`select from audit_events where kind = 'order.canceled' and data->>'intentId' = $1`, intentId);
    expect(canceled).toHaveLength(1);
  });

  it('checks killed in every part find what others find, and are signed once', async () => {
    const found = async (areDeadly: boolean): Promise<readonly object[]> => {
      dying.areDeadly = areDeadly;
      const runId = await ask('morningChecks');
      for (const step of ['signature', 'backup']) await tell(runId, 'sign', (await waits(runId, step)).position);
      await endOf(runId);
      if (areDeadly) expect(await dying.survived(stack.pool, runId)).toEqual([]);
      return query('select name, part, outcome from runbook_parts where run_id = $1 order by position, part', runId);
    };
    const undisturbed = await found(false);
    expect(await found(true)).toEqual(undisturbed);
    expect(undisturbed.at(-1)).toEqual({ name: 'backup', part: 'verification', outcome: 'done' });
  });

  it('aborted while it waits, a shutdown takes its pause back, and leaves alone what a person paused', async () => {
    shutdown = { workingEntries: 'wait', waitAtMostMs: 300_000 };
    const intentId = await workingEntry();
    for (const byPerson of [false, true]) {
      const down = await ask('gracefulShutdown');
      await eventually(async () => expect((await state(down)).steps[1]?.state).toBe('doing'), LIMIT_MS);
      if (byPerson) await person('paused');
      await tell(down, 'abort', null);
      expect(await endOf(down)).toEqual({ status: 'aborted', detail: 'aborted by olga: a test' });
      expect(await mode()).toBe(byPerson ? 'paused' : 'normal');
      if (!byPerson) expect(await statusOf(intentId)).toBe('accepted');
    }
    // What a person pauses waits for nothing that rests.
    await eventually(async () => expect(await statusOf(intentId)).toBe('canceled'), LIMIT_MS);
    // Where a person has paused it the rest is done all the same.
    shutdown = { workingEntries: 'cancel', waitAtMostMs: 0 };
    expect(await endOf(await ask('gracefulShutdown'))).toMatchObject({ status: 'completed' });
  });

  it('shut down while it waits for an entry that fills: its stop stays, and what is left is told', async () => {
    shutdown = { workingEntries: 'wait', waitAtMostMs: 300_000 };
    const intentId = await workingEntry();
    const down = await ask('gracefulShutdown');
    await eventually(async () => expect((await state(down)).steps[1]?.state).toBe('doing'), LIMIT_MS);
    expect([await mode(), await statusOf(intentId)]).toEqual(['paused', 'accepted']);
    const [shown] = await stack.venue.reader.openOrders(INSTRUMENT);
    const filled = await fetch(new URL(`/orders/${shown?.venueOrderId}/fill`, stack.addresses.admin), { method: 'POST', body: '{}' });
    expect(filled.status).toBe(200);
    await endOf(down);
    const rows = await query<{ output: Record<string, readonly object[]> }>(
      `select output from runbook_parts where run_id = $1 and name = 'report'`,
      down,
    );
    expect(rows[0]?.output).toMatchObject({
      openOrders: [{ purpose: 'stop', instrument: INSTRUMENT, side: 'sell', stopPrice: expect.stringMatching(/^\d/) as string }],
      positions: [{ strategy: 'momentum', instrument: INSTRUMENT }],
      ...{ withoutStop: [], uncovered: [], unknownOrders: [] },
    });
    expect(await mode()).toBe('paused');
  });
});
