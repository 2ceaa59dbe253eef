import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { eventually } from '../../test/support/eventually.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { declaredSchedules, ensureSchedules, removeSchedules } from '../../workers/composition/schedules.js';
import type { ReconcileOutcome } from './reconcile-account.js';

const TIMES = { timeZone: 'Europe/Madrid', morning: '08:00', evening: '18:30' };
const temporal = await temporalIfAny();
const LIMIT_MS = 120_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
const d = (text: string): DecimalText => text as DecimalText;

describe.skipIf(temporal === undefined)('reconcileAccount, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let client: Client;

  beforeAll(async () => {
    stack = await openTradingStack();
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
    ({ client } = worker);
  });
  afterAll(async () => {
    await worker?.stop();
    await stack?.close();
  });

  const reconcile = (runId: string = randomUUID()): Promise<ReconcileOutcome> =>
    client.workflow.execute('reconcileAccount', {
      taskQueue: worker.taskQueue,
      workflowId: `reconcile:${ACCOUNT}:${runId}`,
      args: [{ account: ACCOUNT, scope: 'demand', runId }],
    });
  /** The results of the runs for a reason, oldest first; null runs. */
  const results = async (scope: string): Promise<(string | null)[]> => {
    const { rows } = await stack.pool.query<{ result: string | null }>(
      'select result from reconciliation_runs where scope = $1 order by started_at',
      [scope],
    );
    return rows.map((row) => row.result);
  };

  it('finds an account clean that is, and says so in its row', async () => {
    const runId = randomUUID();
    expect(await reconcile(runId)).toEqual({ runId, result: 'clean' });
    const { rows } = await stack.pool.query(
      'select result, looks, ended_at is not null as is_over from reconciliation_runs where run_id = $1',
      [runId],
    );
    expect(rows).toEqual([{ result: 'clean', looks: 1, is_over: true }]);
  });

  it('is made anew after the stream of the account was lost', async () => {
    const before = (await results('reconnect')).length;
    // The stream has to stand before it can be lost.
    await eventually(async () => {
      const answer = await fetch(new URL('/streams/drop', stack.addresses.admin), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ which: 'user' }),
      });
      expect(((await answer.json()) as { dropped: number }).dropped).toBeGreaterThan(0);
    }, LIMIT_MS);
    await eventually(async () => {
      const after = (await results('reconnect')).slice(before);
      expect(after[0]).toBe('clean');
    }, LIMIT_MS);
  });

  it('is made by the clock: schedules are declared once, however often, and start it', async () => {
    const schedules = declaredSchedules({ [ACCOUNT]: TIMES });
    try {
      await ensureSchedules(client, schedules, worker.taskQueue);
      await Promise.all([ensureSchedules(client, schedules, worker.taskQueue), ensureSchedules(client, schedules, worker.taskQueue)]);
      for (const { id } of schedules) {
        const { policies } = await client.schedule.getHandle(id).describe();
        // What is due once a day is done late rather than not at all.
        const areChecks = id.includes('Checks');
        const isDaily = areChecks || id.endsWith(':day');
        expect(policies).toMatchObject({ overlap: areChecks ? 'ALLOW_ALL' : 'SKIP', catchupWindow: isDaily ? 21_600_000 : 60_000 });
      }
      await client.schedule.getHandle(`reconcile:${ACCOUNT}:day`).trigger();
      await eventually(async () => expect(await results('day')).toEqual(['clean']), LIMIT_MS);
    } finally {
      await Promise.all(schedules.map(({ id }) => client.schedule.getHandle(id).delete()));
    }
  });

  it('is not made any more for an account that is not configured', async () => {
    const gone = `gone-${randomUUID()}`;
    const schedules = declaredSchedules({ [gone]: TIMES, [ACCOUNT]: TIMES });
    const isThere = async (id: string): Promise<boolean> =>
      client.schedule
        .getHandle(id)
        .describe()
        .then(
          () => true,
          () => false,
        );
    const there = async (): Promise<readonly string[]> => {
      const found = [];
      for (const { id } of schedules) if (await isThere(id)) found.push(id);
      return found;
    };
    const ofOthers = schedules.filter(({ account }) => account === ACCOUNT).map(({ id }) => id);
    try {
      await ensureSchedules(client, schedules, worker.taskQueue);
      // Those that start something elsewhere are not ours to take away.
      await removeSchedules(client, [ACCOUNT], `${worker.taskQueue}-other`);
      expect(await there()).toHaveLength(schedules.length);
      // The list follows what is made a moment later.
      await eventually(async () => {
        await removeSchedules(client, [ACCOUNT], worker.taskQueue);
        expect(await there()).toEqual(ofOthers);
      }, LIMIT_MS);
    } finally {
      for (const id of await there()) await client.schedule.getHandle(id).delete();
    }
  });

  it('hands to a person what is nobody else’s, and pauses the account', async () => {
    const order = {
      clientOrderId: 'by-hand',
      instrument: INSTRUMENT,
      side: 'buy',
      type: 'limit',
      postOnly: false,
      timeInForce: 'GTC',
    } as const;
    const terms = { quantity: d('0.01'), price: d('40000'), signedTimestamp: Date.now(), receiveWindowMs: 1_000 };
    expect(await stack.venue.sender.submit({ ...order, ...terms }, 1_000)).toMatchObject({ kind: 'accepted' });
    // While it is young it may be anybody's: a later run finds it where the first one left it.
    await eventually(async () => expect(await reconcile()).toMatchObject({ result: 'differences' }), LIMIT_MS);
    await eventually(async () => {
      await reconcile();
      const { rows } = await stack.pool.query('select class, status from reconciliation_differences where ended_at is null');
      expect(rows).toEqual([{ class: 'orphanOrder', status: 'open' }]);
    }, LIMIT_MS);
    expect((await stack.pool.query('select mode from control where account = $1', [ACCOUNT])).rows).toEqual([{ mode: 'paused' }]);
  });
});
