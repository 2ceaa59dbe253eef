import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DecimalText } from '../../../core/money/index.js';
import { runbookWorkflowId, type Plan } from '../../../core/runbook/spec.js';
import { createDiscrepancyStore } from '../../../adapters/store/discrepancy-store.js';
import { openBenchAccount, type BenchAccount } from '../../../test/reconcile/bench-account.js';
import { DyingRunbooks } from '../../../test/support/dying-runbooks.js';
import { eventually } from '../../../test/support/eventually.js';
import { seedPerson } from '../../../test/support/people.js';
import { startOrderWorker, type OrderWorker } from '../../../test/support/order-worker.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import { ACCOUNT, INSTRUMENT } from '../../../test/support/trading-stack.js';
import { reconcileWorkflowId } from '../../names.js';
import type { RunbookEnd, RunbookState } from './messages.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 120_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 180_000 });
const d = (text: string): DecimalText => text as DecimalText;

describe.skipIf(temporal === undefined)('what an account is paused for is carried by one run', () => {
  let bench: BenchAccount;
  let worker: OrderWorker;
  let dying: DyingRunbooks;
  const begin = async (): Promise<void> => {
    bench = await openBenchAccount(['balanceMovement']);
    const { stack } = bench;
    dying = new DyingRunbooks();
    const overRunbooks: DyingRunbooks['over'] = (store) => dying.over(store);
    if (temporal !== undefined)
      worker = await startOrderWorker({ ...stack.ledger, dependencies: stack.dependencies }, temporal, { overRunbooks });
    // One that the worker before has left behind would be taken for this one's.
    await worker.client.workflow
      .getHandle(reconcileWorkflowId(ACCOUNT, 'demand'))
      .terminate('of another test')
      .catch(() => undefined);
  };
  const end = async (): Promise<void> => {
    for (const { runId } of await runs())
      await handleOf(runId)
        .terminate('the test is over')
        .catch(() => undefined);
    await worker?.stop();
    await bench?.close();
  };
  beforeEach(begin);
  afterEach(end);

  interface RunRow {
    readonly runId: string;
    readonly status: string;
    readonly plan: Plan;
  }
  const runs = async (): Promise<readonly RunRow[]> =>
    (await bench.stack.pool.query<RunRow>('select run_id as "runId", status, plan from runbook_runs order by created_at')).rows;
  const handleOf = (runId: string): WorkflowHandle => worker.client.workflow.getHandle(runbookWorkflowId(runId));
  const stateOf = (runId: string): Promise<RunbookState> => handleOf(runId).query('state');
  const waitsAt = async (runId: string, name: string, detail: string): Promise<void> =>
    eventually(async () => {
      const { status, waitingFor, detail: found, steps, position } = await stateOf(runId);
      expect({ status, waitingFor, step: steps[position]?.name }).toEqual({
        status: 'waitingForPerson',
        waitingFor: 'elsewhere',
        step: name,
      });
      expect(found).toContain(detail);
    }, LIMIT_MS);
  /** The run that carries what has been found. */
  const theRun = async (): Promise<string> => {
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    if (run === undefined) throw new Error('nothing carries it');
    return run.runId;
  };
  const byHand = async (clientOrderId: string): Promise<void> => {
    const order = { clientOrderId, instrument: INSTRUMENT, side: 'buy', type: 'limit', postOnly: false, timeInForce: 'GTC' } as const;
    const terms = { quantity: d('0.01'), price: d('40000'), signedTimestamp: Date.now(), receiveWindowMs: 1_000 };
    expect(await bench.stack.venue.sender.submit({ ...order, ...terms }, 1_000)).toMatchObject({ kind: 'accepted' });
  };
  const openIds = async (): Promise<readonly string[]> =>
    (await bench.found()).filter(({ status }) => status === 'open').map(({ id }) => id);
  const pages = async (runId: string): Promise<readonly { summary: string; isOver: boolean }[]> => {
    const { rows } = await bench.stack.pool.query<{ summary: string; isOver: boolean }>(
      `select summary, next_at is null as "isOver" from alerts where kind = 'runbook.waits' and alert_key like 'runbook:' || $1 || ':%' order by alert_id`,
      [runId],
    );
    return rows;
  };

  it('shows both sides, waits for each decision and a clean comparison, takes in what is found meanwhile, and reports, killed in every part', async () => {
    dying.areDeadly = true;
    await byHand('one');
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    const runId = await theRun();
    await waitsAt(runId, 'decisions', '1 to decide');
    // Another difference joins it.
    await byHand('two');
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    await waitsAt(runId, 'decisions', '2 to decide');
    expect(await theRun()).toBe(runId);
    const { currentDetails } = await handleOf(runId).query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('Account and venue differ');
    expect(currentDetails).toMatch(
      /→ A person has decided about each difference\n {3}- \d+ orphanOrder `order:BTC\/USDT:\d+`: incident \d+\n {3}- /,
    );
    expect(await bench.resume()).toMatchObject({ result: 'notReconciled' });

    const [first = '', second = ''] = await openIds();
    expect(await bench.decide(first, 'cancel')).toEqual({ result: 'done' });
    await waitsAt(runId, 'decisions', '1 to decide');
    expect(await bench.decide(second, 'cancel')).toEqual({ result: 'done' });
    // What people decided is done by a comparison, and the next one is clean; the run has asked for them itself.
    await waitsAt(runId, 'resumed', 'keelson resume');
    await eventually(async () => expect(await pages(runId)).toMatchObject([{ isOver: false }]), LIMIT_MS);
    expect(await bench.mode()).toBe('paused');
    expect(await bench.resume()).toMatchObject({ result: 'applied', mode: 'normal' });
    expect(await handleOf(runId).result()).toEqual({ status: 'completed', detail: null } satisfies RunbookEnd);
    expect(await pages(runId)).toMatchObject([{ isOver: true }]);
    expect(await dying.survived(bench.stack.pool, runId)).toEqual([]);

    const { rows } = await bench.stack.pool.query<{ name: string; output: Record<string, unknown> }>(
      `select name, output from runbook_parts where run_id = $1 and part = 'verification' order by position`,
      [runId],
    );
    expect(rows.map(({ name }) => name)).toEqual(['snapshots', 'paused', 'decisions', 'clean', 'resumed', 'report']);
    expect(rows[0]?.output['kept']).toMatchObject([{ differenceId: first, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }]);
    expect(rows.at(-1)?.output).toMatchObject({
      differences: [first, second].map((differenceId) => ({
        differenceId,
        decision: 'cancel',
        decidedBy: 'risk-officer',
        reason: 'looked into',
      })),
      modes: [
        { mode: 'paused', was: 'normal' },
        { mode: 'normal', by: 'operator' },
      ],
    });
  });

  it('goes on where its records end when its workflow is gone, and ends by itself where the configuration says so', async () => {
    bench.stack.paper.moveBalance('test', 'USDT', 100_000_000n);
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    const runId = await theRun();
    await waitsAt(runId, 'decisions', '1 to decide');
    await handleOf(runId).terminate('a server that forgets');
    // Nobody has to decide: it is moved back, and of this class the account goes on by itself.
    bench.stack.paper.moveBalance('test', 'USDT', -100_000_000n);
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    expect(await bench.mode()).toBe('normal');
    await eventually(async () => expect(await runs()).toMatchObject([{ runId, status: 'completed' }]), LIMIT_MS);
  });

  it('that a person has paused stays so when its workflow is gone, whoever wakes it, until a person resumes it', async () => {
    const { pool } = bench.stack;
    const underKey = await seedPerson(pool, 'olga', ['operator']);
    bench.stack.paper.moveBalance('test', 'USDT', 100_000_000n);
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    const runId = await theRun();
    await waitsAt(runId, 'decisions', '1 to decide');
    const tell = async (kind: 'pause' | 'resume'): Promise<void> => {
      const commandId = randomUUID();
      await pool.query('select command_runbook($1)', [
        { commandId, runId, kind, position: null, reason: 'a test', subject: 'olga', underKey },
      ]);
      await handleOf(runId).executeUpdate('command', { args: [{ commandId }] });
    };
    const isPaused = async (): Promise<void> =>
      eventually(async () => expect(await stateOf(runId)).toMatchObject({ status: 'paused', isPaused: true }), LIMIT_MS);
    await tell('pause');
    await isPaused();
    const { runId: forgotten } = await handleOf(runId).describe();
    await handleOf(runId).terminate('a server that forgets');
    bench.stack.paper.moveBalance('test', 'USDT', -100_000_000n);
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    // Until it is begun anew the one that has ended answers, and is paused, too.
    await eventually(async () => expect((await handleOf(runId).describe()).runId).not.toBe(forgotten), LIMIT_MS);
    await isPaused();
    await tell('resume');
    await eventually(async () => expect(await runs()).toMatchObject([{ runId, status: 'completed' }]), LIMIT_MS);
  });

  it('is one, however many ask for it; a wait that has become long is handed to the next run of its workflow', async () => {
    const { pool } = bench.stack;
    await byHand('one');
    expect(await bench.cycle()).toMatchObject({ result: 'differences' });
    const store = createDiscrepancyStore(pool);
    await Promise.all([store.carryOn(ACCOUNT), store.carryOn(ACCOUNT), bench.look()]);
    const runId = await theRun();
    await waitsAt(runId, 'decisions', '1 to decide');
    const [state, [run]] = [await stateOf(runId), await runs()];
    await handleOf(runId).terminate('as if it had gone on as new');
    const carried = { title: 'Account and venue differ', steps: run?.plan.steps, state, calls: 3 };
    const { taskQueue, client } = worker;
    await client.workflow.start('runbook', { taskQueue, workflowId: runbookWorkflowId(runId), args: [runId, carried] });
    await waitsAt(runId, 'decisions', '1 to decide');
    // An account that nothing holds has nothing that could be carried.
    const [id = ''] = await openIds();
    expect(await bench.decide(id, 'reject')).toEqual({ result: 'done' });
    await waitsAt(runId, 'resumed', 'keelson resume');
    expect(await bench.resume()).toMatchObject({ result: 'applied' });
    expect(await handleOf(runId).result()).toMatchObject({ status: 'completed' });
    await store.carryOn(ACCOUNT);
    expect(await theRun()).toBe(runId);
  });
});
