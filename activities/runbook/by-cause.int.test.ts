import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import { OUTAGE } from '../../core/outage/rules.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { WATCH } from '../../core/watch/rules.js';
import type { FaultRule } from '../../exchange/faults/rule.js';
import { DyingRunbooks } from '../../test/support/dying-runbooks.js';
import { eventually } from '../../test/support/eventually.js';
import { seedCommand, seedPerson } from '../../test/support/people.js';
import { steadyWatch, type SteadyWatch } from '../../test/support/steady-watch.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { createOrderActivities } from '../order/index.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 120_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 240_000 });
const DOWN: Omit<FaultRule, 'id'> = {
  ...{ fault: 'refuse', after: 0, times: 0, probability: 1, seed: 1, until: undefined, delayMs: 0, percent: 0 },
  ...{ status: 503, code: -1, message: 'down', body: undefined, retryAfterSeconds: undefined },
};
const MUTE: Omit<FaultRule, 'id'> = { ...DOWN, fault: 'loseEvent' };
const RESTING: ExecutionPolicy = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 3_600_000 };
/** Shorter than any look: what is not heard of now is lost now. */
const AT_ONCE_MS = 500;

describe.skipIf(temporal === undefined)('runs for a cause, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let worker: StackWorker | undefined;
  let dying: DyingRunbooks;
  let outageRules: { -readonly [K in keyof typeof OUTAGE]: number };
  let taskQueue: string;
  let barTime = 1_000;
  const keys: Record<string, string> = {};
  const watches: SteadyWatch[] = [];

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;
  const modeNow = async (): Promise<string> => (await query<{ mode: string }>('select mode from control'))[0]?.mode ?? '';

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    keys['olga'] = await seedPerson(stack.pool, 'olga', ['operator']);
    keys['rik'] = await seedPerson(stack.pool, 'rik', ['risk']);
    await stack.ledger.stopBeating();
  });
  afterAll(async () => {
    await halts?.close();
    await stack?.close();
  });
  beforeEach(() => {
    outageRules = { ...OUTAGE, firstTryMs: 50, longestTryMs: 250, compareAgainMs: 1_000, repeatedWithinMs: 0 };
    taskQueue = `outage-${randomUUID()}`;
    dying = new DyingRunbooks();
  });
  afterEach(async () => {
    stack.paper.faults.clear();
    await Promise.all(watches.splice(0).map((watch) => watch.close()));
    await rest();
    const open = await query<{ run_id: string }>('select run_id from runbook_runs where ended_at is null');
    if (open.length > 0) throw new Error(`a test has left ${JSON.stringify(open)}`);
    await query(`update control set mode = 'normal', reconciliation_hold = null`);
  });

  const watch = (): void => void watches.push(steadyWatch(stack, halts));
  /** What every guardian is told from now on. */
  const toAll = (change: (watch: SteadyWatch) => void): void => watches.forEach(change);
  const isWatched = (): Promise<void> =>
    eventually(async () => {
      const [row] = await query(
        'select 1 from account_watch where equity is not null and sampled_at > clock_timestamp() - interval $$5 seconds$$',
      );
      expect(row).toBeDefined();
    }, LIMIT_MS);
  const work = async (): Promise<void> => {
    const overRunbooks: DyingRunbooks['over'] = (store) => dying.over(store);
    if (temporal !== undefined) worker = await startWorker(stack, temporal, { outageRules, taskQueue, overRunbooks });
  };
  const rest = async (): Promise<void> => {
    await worker?.stop();
    worker = undefined;
  };
  const lose = (): void => {
    stack.paper.faults.add(DOWN);
    toAll(({ settings }) => (settings.venueUnreachableMs = AT_ONCE_MS));
  };
  const giveBack = (): void => {
    stack.paper.faults.clear();
    toAll(({ settings }) => (settings.venueUnreachableMs = WATCH.venueUnreachableMs));
  };
  interface OutageRow {
    readonly outage_id: string;
    readonly run_id: string;
    readonly causes: string[];
    readonly resumed_at: Date | null;
    readonly report: { readonly tries: number; readonly fills: number; readonly orders: { readonly intentId: string }[] } | null;
  }
  /** The outage that began after `before` of them were there. */
  const outage = async (before: number): Promise<OutageRow> => {
    const rows = await query<OutageRow>('select * from outages order by found_at');
    expect(rows).toHaveLength(before + 1);
    return rows[before] as OutageRow;
  };
  const count = async (table: 'outages' | 'runbook_runs'): Promise<number> =>
    (await query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n ?? 0;
  const begins = (before: number): Promise<OutageRow> => eventually(() => outage(before), LIMIT_MS);
  const ends = async (runId: string, status: string): Promise<void> =>
    eventually(async () => {
      const [run] = await query<{ status: string; detail: string | null }>(
        'select status, detail from runbook_runs where run_id = $1',
        runId,
      );
      expect(run).toMatchObject({ status });
    }, LIMIT_MS);
  const tries = async (outageId: string): Promise<boolean[]> =>
    (await query<{ has_answered: boolean }>('select has_answered from outage_tries where outage_id = $1 order by number', outageId)).map(
      ({ has_answered }) => has_answered,
    );
  const enter = async (): Promise<{ intentId: string; codes: string }> => {
    barTime += 1_000;
    const signal = stack.signal('open', barTime);
    const verdict = await createOrderActivities(stack.dependencies).authorise(signal);
    return { intentId: 'intentId' in verdict ? String(verdict.intentId) : '', codes: JSON.stringify(verdict) };
  };

  /** Tells a run, through its workflow, what a person has written down. @returns what the statement answers. */
  const tell = async (runId: string, kind: string, position: number, subject: string): Promise<string | undefined> => {
    const command = { commandId: randomUUID(), runId, kind, position, reason: 'a test', subject, underKey: keys[subject] };
    const [row] = await query<{ answer: string }>('select command_runbook($1) as answer', command);
    if (row?.answer === 'written') {
      const handle = worker?.client.workflow.getHandle(runbookWorkflowId(runId));
      await handle?.executeUpdate('command', { args: [{ commandId: command.commandId }] });
    }
    return row?.answer;
  };

  it('stops entries at once, takes one run of two guardians, books what filled meanwhile, and only then goes on by itself, killed in every part', async () => {
    dying.areDeadly = true;
    const before = await count('outages');
    await work();
    watch();
    watch();
    await isWatched();
    stack.ledger.workEntries(ACCOUNT, { execution: RESTING });
    barTime += 1_000;
    const signal = stack.signal('open', barTime);
    await worker?.client.workflow.start('signalToOrder', { taskQueue: worker.taskQueue, workflowId: randomUUID(), args: [signal] });
    const entry = await eventually(async () => {
      const [order] = await query<{ intent_id: string; venue_order_id: string }>(
        `select intent_id, venue_order_id from orders where purpose = 'entry' and status = 'accepted'`,
      );
      expect(order).toBeDefined();
      return order as { intent_id: string; venue_order_id: string };
    }, LIMIT_MS);

    stack.paper.faults.add(MUTE);
    lose();
    const { outage_id: outageId, run_id: runId, causes } = await begins(before);
    expect(causes).toEqual(['venueUnreachable']);
    expect(await modeNow()).toBe('paused');
    expect((await enter()).codes).toContain('RISK_MODE');
    const filled = await fetch(new URL(`/orders/${entry.venue_order_id}/fill`, stack.addresses.admin), { method: 'POST', body: '{}' });
    expect(filled.status).toBe(200);
    await eventually(async () => expect((await tries(outageId)).length).toBeGreaterThan(2), LIMIT_MS);
    expect(new Set(await tries(outageId))).toEqual(new Set([false]));
    expect(await query('select 1 from fills where intent_id = $1', entry.intent_id)).toEqual([]);

    giveBack();
    await ends(runId, 'completed');
    expect(await modeNow()).toBe('normal');
    expect(await dying.survived(stack.pool, runId)).toEqual([]);
    expect((await tries(outageId)).at(-1)).toBe(true);
    const [booked] = await query<{ isBefore: boolean }>(
      `select f.booked_at < o.resumed_at as "isBefore" from fills f, outages o where f.intent_id = $1 and o.outage_id = $2`,
      entry.intent_id,
      outageId,
    );
    expect(booked).toEqual({ isBefore: true });
    const { report } = await outage(before);
    expect(report).toMatchObject({ fills: 1, orders: expect.arrayContaining([expect.objectContaining({ intentId: entry.intent_id })]) });
    expect(await query(`select 1 from audit_events where kind = 'outage.reported' and data->>'runId' = $1`, runId)).toHaveLength(1);
    const audit = await query<{ subject: string; mode: string }>(
      `select subject, data->>'mode' as mode from audit_events where kind = 'mode.changed' order by event_id desc limit 2`,
    );
    expect(audit).toEqual([
      { subject: 'venueDisconnected', mode: 'normal' },
      { subject: 'watch', mode: 'paused' },
    ]);
  });

  it('quiet market data alone is an outage; what a person has paused meanwhile stays paused', async () => {
    const before = await count('outages');
    await work();
    watch();
    await isWatched();
    toAll((one) => {
      one.price = undefined;
      one.settings.noMarketDataMs = AT_ONCE_MS;
    });
    const { run_id: runId, causes } = await begins(before);
    expect(causes).toEqual(['noMarketData']);
    const commandId = await seedCommand(stack.pool, { account: ACCOUNT, kind: 'pause', subject: 'olga' });
    const command = { commandId, account: ACCOUNT, kind: 'pause', mode: 'paused' };
    const [applied] = await query<{ answer: { result: string } }>('select apply_mode_command($1) as answer', command);
    expect(applied?.answer.result).toBe('applied');
    toAll((one) => {
      one.price = '50000';
      one.settings.noMarketDataMs = WATCH.noMarketDataMs;
    });
    await ends(runId, 'completed');
    expect(await modeNow()).toBe('paused');
    expect(await outage(before)).toMatchObject({ resumed_at: null });
  });

  it('needs no Temporal to stop; pages when the venue stays away; another worker goes on; what comes again soon is a person’s', async () => {
    const before = await count('outages');
    watch();
    await isWatched();
    lose();
    const { outage_id: outageId, run_id: runId } = await begins(before);
    expect(await modeNow()).toBe('paused');
    expect((await enter()).codes).toContain('RISK_MODE');
    expect(await query('select status from runbook_runs where run_id = $1', runId)).toEqual([{ status: 'planning' }]);

    await work();
    await eventually(async () => expect((await tries(outageId)).length).toBeGreaterThan(1), LIMIT_MS);
    await rest();
    outageRules.reconnectForMs = 0;
    const tried = (await tries(outageId)).length;
    await work();
    await ends(runId, 'waitingForPerson');
    expect((await tries(outageId)).length).toBeGreaterThan(tried);
    const [page] = await query(`select severity from alerts where kind = 'outage.lasts'`);
    expect(page).toEqual({ severity: 'critical' });
    expect(await modeNow()).toBe('paused');

    outageRules.reconnectForMs = OUTAGE.reconnectForMs;
    outageRules.repeatedWithinMs = 3_600_000;
    giveBack();
    expect(await tell(runId, 'retry', 1, 'olga')).toBe('written');
    // The first of these tests has let the account go on a moment ago.
    await ends(runId, 'completedWithFailures');
    expect(await modeNow()).toBe('paused');
  });

  it('a drawdown is frozen, kept as evidence, reported and signed, killed in every part; its halt waits for the signature', async () => {
    dying.areDeadly = true;
    await work();
    watch();
    watch();
    await isWatched();
    toAll((one) => (one.price = '34000'));
    const { run_id: runId, latch_id: latchId } = await eventually(async () => {
      const rows = await query<{ run_id: string; latch_id: string }>('select run_id, latch_id from drawdown_runs');
      expect(rows).toHaveLength(1);
      return rows[0] as { run_id: string; latch_id: string };
    }, LIMIT_MS);
    expect(await createWatchStore(stack.pool).read(ACCOUNT, [])).toMatchObject({ latch: 'stands' });
    await ends(runId, 'waitingForPerson');
    expect(await dying.survived(stack.pool, runId)).toEqual([]);

    const parts = await query<{ name: string; outcome: string; output: { evidence?: { path: string; sha256: string } } | null }>(
      `select name, outcome, output from runbook_parts where run_id = $1 and part = 'action' order by position`,
      runId,
    );
    expect(parts.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['freeze done', 'kill done', 'evidence done', 'report done']);
    // Whoever was killed had written it before: the file that there is now is the one that was written down.
    const { path = '', sha256 } = parts[2]?.output?.evidence ?? {};
    const written = await readFile(path, 'utf8');
    expect(createHash('sha256').update(written).digest('hex')).toBe(sha256);
    const file = JSON.parse(written) as Record<string, unknown[]>;
    expect(Object.keys(file['hashes'] ?? {}).toSorted()).toEqual(
      ['closedPositions', 'equity', 'fills', 'halt', 'limits', 'marks', 'models', 'orders', 'positions', 'samples', 'watch'].toSorted(),
    );
    for (const section of ['equity', 'samples', 'orders', 'fills', 'positions', 'models']) expect(file[section]?.length).toBeGreaterThan(0);
    const [incident] = await query<{ report: { losses: object[]; text: string } }>(
      `select data->'report' as report from incidents where incident_key = $1`,
      `drawdown:${latchId}`,
    );
    expect(incident?.report.losses).toEqual([expect.objectContaining({ strategy: 'momentum', instrument: INSTRUMENT })]);
    expect(incident?.report.text).toContain(`# Drawdown of ${ACCOUNT}`);

    const told = await query<{ kind: string }>(
      `select kind from audit_events where kind in ('drawdown.evidence', 'drawdown.reported') and data->>'runId' = $1 order by event_id`,
      runId,
    );
    expect(told.map(({ kind }) => kind)).toEqual(['drawdown.evidence', 'drawdown.reported']);

    const missing = (): Promise<{ found: string | null }[]> => query('select missing_drawdown_report($1) as found', latchId);
    expect(await missing()).toEqual([{ found: expect.stringContaining(runId) }]);
    expect(await tell(runId, 'sign', 4, 'olga')).toBe('notSigner');
    expect(await tell(runId, 'sign', 4, 'rik')).toBe('written');
    await ends(runId, 'completed');
    expect(await missing()).toEqual([{ found: null }]);
    expect(await query('select 1 from drawdown_runs')).toHaveLength(1);
  });
});
