import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openHaltStore, type HaltStore } from '../../../adapters/store/halt-store.js';
import { createWatchStore } from '../../../adapters/store/watch-store.js';
import { MARKET } from '../../../core/execution/policy.js';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import { eventually } from '../../../test/support/eventually.js';
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
import { steadyWatch, type SteadyWatch } from '../../../test/support/steady-watch.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 120_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 240_000 });

describe.skipIf(temporal === undefined)('a drawdown, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let worker: StackWorker;
  const watches: SteadyWatch[] = [];
  const keys: Record<string, string> = {};

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
    keys['olga'] = await seedPerson(stack.pool, 'olga', ['operator']);
    keys['rik'] = await seedPerson(stack.pool, 'rik', ['risk']);
    await stack.ledger.stopBeating();
  });
  afterAll(async () => {
    await Promise.all(watches.map((watch) => watch.close()));
    await worker?.stop();
    await halts?.close();
    await stack?.close();
  });

  const tell = async (runId: string, subject: string): Promise<string | undefined> => {
    const command = { commandId: randomUUID(), runId, kind: 'sign', position: 4, reason: 'read', subject, underKey: keys[subject] };
    const [row] = await query<{ answer: string }>('select command_runbook($1) as answer', command);
    if (row?.answer === 'written') {
      const handle = worker.client.workflow.getHandle(runbookWorkflowId(runId));
      await handle.executeUpdate('command', { args: [{ commandId: command.commandId }] });
    }
    return row?.answer;
  };

  it('is frozen, kept as evidence, reported and signed; two guardians see it once, and its halt waits for the signature', async () => {
    for (let guardian = 0; guardian < 2; guardian += 1) watches.push(steadyWatch(stack, halts));
    await eventually(async () => expect(await query('select 1 from account_watch where equity is not null')).toHaveLength(1), LIMIT_MS);
    stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
    const signal = stack.signal('open', 1_000);
    await worker.client.workflow.start('signalToOrder', { taskQueue: worker.taskQueue, workflowId: randomUUID(), args: [signal] });
    await eventually(async () => expect((await query('select 1 from fills')).length).toBeGreaterThan(0), LIMIT_MS);

    for (const watch of watches) watch.price = '34000';
    const { run_id: runId, latch_id: latchId } = await eventually(async () => {
      const rows = await query<{ run_id: string; latch_id: string }>('select run_id, latch_id from drawdown_runs');
      expect(rows).toHaveLength(1);
      return rows[0] as { run_id: string; latch_id: string };
    }, LIMIT_MS);
    expect(await createWatchStore(stack.pool).read(ACCOUNT, [])).toMatchObject({ latch: 'stands' });
    await eventually(async () => {
      const [run] = await query('select status from runbook_runs where run_id = $1', runId);
      expect(run).toEqual({ status: 'waitingForPerson' });
    }, LIMIT_MS);

    const parts = await query<{ name: string; outcome: string; output: { evidence?: { path: string; sha256: string } } | null }>(
      `select name, outcome, output from runbook_parts where run_id = $1 and part = 'action' order by position`,
      runId,
    );
    expect(parts.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['freeze done', 'kill done', 'evidence done', 'report done']);
    const file = JSON.parse(await readFile(parts[2]?.output?.evidence?.path ?? '', 'utf8')) as Record<string, unknown[]>;
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

    const missing = (): Promise<{ found: string | null }[]> => query('select missing_drawdown_report($1) as found', latchId);
    expect(await missing()).toEqual([{ found: expect.stringContaining(runId) }]);
    expect(await tell(runId, 'olga')).toBe('notSigner');
    expect(await tell(runId, 'rik')).toBe('written');
    await eventually(async () => {
      const [run] = await query('select status, detail from runbook_runs where run_id = $1', runId);
      expect(run).toEqual({ status: 'completed', detail: null });
    }, LIMIT_MS);
    expect(await missing()).toEqual([{ found: null }]);
    expect(await query('select 1 from drawdown_runs')).toHaveLength(1);
  });
});
