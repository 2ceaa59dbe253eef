import { Client, WorkflowFailedError } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOrderActivities } from '../activities/order/index.js';
import { intentIdOf, signalWorkflowId, type TradeSignal } from '../core/signal/signal.js';
import { openLedger, type Ledger } from '../test/support/ledger.js';
import { startOrderWorker, type OrderWorker } from '../test/support/order-worker.js';
import { temporalIfAny, type TestTemporal } from '../test/support/temporal.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../test/support/trading-stack.js';
import { startsUnder } from '../workers/composition/epoch.js';
import type { OrderOutcome } from './order/status.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('P31: work that was begun before a restore', () => {
  const server = temporal as TestTemporal;
  const taskQueue = `epoch-${randomUUID()}`;
  let stack: TradingStack;
  let connection: NativeConnection;
  /** After the restore: the same books, read by a process that begins now. */
  let ledger: Ledger;
  let worker: OrderWorker;
  let bar = 0;

  beforeAll(async () => {
    stack = await openTradingStack();
    connection = await NativeConnection.connect({ address: server.address });
  });
  afterAll(async () => {
    await worker?.stop();
    await ledger?.close();
    await connection?.close();
    await stack?.close();
  });

  const next = (): TradeSignal => stack.signal('open', (bar += 1_000));
  /** As a process of that epoch starts it; undefined: as a release did that knew nothing of it. */
  const start = (type: string, signal: TradeSignal, argument: unknown, epoch: number | undefined) =>
    new Client({
      connection,
      namespace: server.namespace,
      ...(epoch === undefined ? {} : { interceptors: { workflow: [startsUnder(epoch)] } }),
    }).workflow.start(type, {
      taskQueue,
      workflowId: `${type}:${signalWorkflowId(signal)}`,
      args: [argument],
      workflowTaskTimeout: '5s',
    });
  const codeOf = async (result: Promise<unknown>): Promise<string | null | undefined> => {
    const error: unknown = await result.catch((reason: unknown) => reason);
    if (!(error instanceof WorkflowFailedError)) throw new Error(`it did not fail: ${JSON.stringify(error)}`);
    return (error.cause?.cause as { readonly type?: string } | undefined)?.type;
  };

  it('does nothing on a worker that was started after it, also where the run tells no epoch', { timeout: 120_000 }, async () => {
    const steps = createOrderActivities(stack.dependencies);
    // One run that has not begun, one of a release that told no epoch, and an order that was authorised and not sent.
    const [told, untold, unsent] = [next(), next(), next()];
    const before = [await start('signalToOrder', told, told, 1), await start('signalToOrder', untold, untold, undefined)];
    expect(await steps.authorise(unsent)).toMatchObject({ kind: 'authorised' });
    before.push(await start('settleOrder', unsent, intentIdOf(unsent), 1));

    await stack.database.pool.query('update instance set epoch = epoch + 1');
    ledger = await openLedger(stack.database);
    expect(ledger.dependencies.epoch).toBe(2);
    const { venueOf, live } = stack.dependencies;
    const dependencies = { ...ledger.dependencies, venueOf, live };
    worker = await startOrderWorker({ ...ledger, dependencies }, server, { taskQueue });

    for (const run of before) expect(await codeOf(run.result())).toBe('RISK_EPOCH');
    expect(stack.witness().orders.size).toBe(0);
    const { rows } = await stack.pool.query<{ status: string }>('select status from orders where account = $1', [ACCOUNT]);
    expect(rows).toEqual([{ status: 'authorised' }]);

    // What is begun now is done, once what was left is proven unsent.
    expect((await createOrderActivities(dependencies).resolve(intentIdOf(unsent))).order).toMatchObject({ status: 'expired' });
    const now = next();
    const outcome = (await (await start('signalToOrder', now, now, 2)).result()) as OrderOutcome;
    expect(outcome).toMatchObject({ status: 'filled', codes: [] });
    expect(stack.witness().orders.size).toBeGreaterThan(0);
  });
});
