import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.js';
import { MARKET } from '../../core/execution/policy.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { intentIdOf, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { createWithdraw } from '../../activities/order/resolve.js';
import { createWouldTrade } from '../../activities/order/would-trade.js';
import type { Venue } from '../../activities/ports/venue.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { ACCOUNT, openTradingStack, startWorker, type StackWorker, type TradingStack } from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { SIGNAL_FORM } from '../names.js';
import type { OrderOutcome } from '../order/status.js';
import { runPage } from '../../test/support/run-page.js';
import { eventually } from '../../test/support/eventually.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('signalToOrder, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  /** What the sender does instead of sending; `undefined` sends. */
  let sending: ((real: Venue['sender']) => Venue['sender']) | undefined;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue) => ({
        ...venue,
        sender: { submit: (request, deadlineMs) => (sending?.(venue.sender) ?? venue.sender).submit(request, deadlineMs) },
      }),
    });
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterEach(() => {
    sending = undefined;
  });
  afterAll(async () => {
    await worker?.stop();
    await stack?.close();
  });

  const run = async (signal: TradeSignal, workflowId = signalWorkflowId(signal)): Promise<OrderOutcome> => {
    const handle = await worker.client.workflow.start('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId,
      args: [signal, SIGNAL_FORM],
      requestEagerStart: true,
      workflowTaskTimeout: '5s',
    });
    const outcome = (await handle.result()) as OrderOutcome;
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes).toMatchObject({
      [SEARCH_ATTRIBUTES.account]: [signal.account],
      [SEARCH_ATTRIBUTES.instrument]: [signal.instrument],
      [SEARCH_ATTRIBUTES.strategy]: [signal.strategy],
      [SEARCH_ATTRIBUTES.side]: [signal.leg === 'open' ? 'buy' : 'sell'],
      [SEARCH_ATTRIBUTES.status]: [outcome.status],
    });
    return outcome;
  };
  const agreement = (): Promise<void> =>
    eventually(async () => expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]));
  /** Entries that the venue has seen; stops come and go in their own time. */
  const bought = (): number => [...stack.witness().orders.values()].flat().filter((order) => order.side === 'BUY').length;
  const count = async (sql: string, ...values: unknown[]): Promise<number> => {
    const { rows } = await stack.database.pool.query<{ n: string }>(`select count(*) as n from ${sql}`, values);
    return Number(rows[0]?.n);
  };

  it('buys and sells, and the ledger explains the venue to the last unit', async () => {
    const opened = await run(stack.signal('open', 1_000));
    expect(opened).toMatchObject({ status: 'filled', codes: [] });
    const wouldTrade = createWouldTrade(stack.dependencies);
    expect(await wouldTrade(stack.signal('close', 1_500))).toBe(true);
    const closed = await run(stack.signal('close', 2_000));
    expect(closed).toMatchObject({ status: 'filled', codes: [] });
    expect(await wouldTrade(stack.signal('close', 2_500))).toBe(false);

    await agreement();
  });

  it('the pages of an entry, an exit and a refusal tell what happened, without a payload', async () => {
    const entry = stack.signal('open', 2_600);
    const bought = await run(entry);
    expect(bought).toMatchObject({ status: 'filled', intentId: intentIdOf(entry) });
    const { executedQuantity, averagePrice } = bought;
    const { client } = worker;
    const { currentDetails, steps } = await runPage(client.workflow.getHandle(signalWorkflowId(entry)));
    const order = await stack.dependencies.store.order(intentIdOf(entry));
    expect(currentDetails).toBe(
      [
        `**filled** entry: buy ${order?.quantity} ${order?.instrument} at ${order?.price} or better, executed ${executedQuantity} at ${averagePrice}`,
        `client order id \`${order?.clientOrderId}\`, venue order id \`${order?.venueOrderId}\``,
      ].join('\n\n'),
    );
    expect(steps[0]).toBe('the gate decides, the order is written, sent once, and the reply written down');

    const exit = stack.signal('close', 2_700);
    const sold = await run(exit);
    expect(sold).toMatchObject({ status: 'filled' });
    const exitPage = await runPage(client.workflow.getHandle(signalWorkflowId(exit)));
    expect(exitPage.currentDetails).toBe(`**filled**, executed ${sold.executedQuantity} at ${sold.averagePrice}`);
    expect(exitPage.steps).toEqual(['hands the exit to the owner of the position']);

    const late = { ...stack.signal('open', 2_800), validUntil: 1 };
    await run(late);
    expect((await runPage(client.workflow.getHandle(signalWorkflowId(late)))).currentDetails).toBe('**denied**\n\n- RISK_SIGNAL_EXPIRED');
  });

  it('the page of an entry tells, while its order rests, that it does', async () => {
    stack.ledger.workEntries(ACCOUNT, { execution: { kind: 'limit', offsetBps: 500, workMs: 600_000, postOnly: true } });
    const signal = { ...stack.signal('open', 2_900), validUntil: Date.now() + 600_000 };
    const workflowId = signalWorkflowId(signal);
    const handle = await worker.client.workflow.start('signalToOrder', { taskQueue: worker.taskQueue, workflowId, args: [signal] });
    try {
      const page = await eventually(async () => {
        const seen = await runPage(handle);
        expect(seen.currentDetails).toContain('**accepted** entry');
        return seen;
      });
      const order = await stack.dependencies.store.order(intentIdOf(signal));
      expect(page.currentDetails).toContain(`client order id \`${order?.clientOrderId}\`, venue order id \`${order?.venueOrderId}\``);
      expect((await handle.describe()).searchAttributes[SEARCH_ATTRIBUTES.status]).toEqual(['accepted']);
    } finally {
      stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
      await createWithdraw(stack.dependencies)(intentIdOf(signal), 'the test is over');
    }
    expect(await handle.result()).toMatchObject({ status: 'canceled', executedQuantity: '0' });
    expect((await runPage(handle)).currentDetails).toContain('**canceled** entry');
  });

  it('an order that rests is canceled when its signal ends, though it was to be worked for longer, and no other is made', async () => {
    stack.ledger.workEntries(ACCOUNT, { execution: { kind: 'limit', offsetBps: 500, workMs: 600_000, postOnly: true } });
    const signal = { ...stack.signal('open', 2_950), validUntil: Date.now() + 8_000 };
    const workflowId = signalWorkflowId(signal);
    try {
      const handle = await worker.client.workflow.start('signalToOrder', { taskQueue: worker.taskQueue, workflowId, args: [signal] });
      const resting = await eventually(async () => {
        const order = await stack.dependencies.store.order(intentIdOf(signal));
        expect(order).toMatchObject({ status: 'accepted', workingUntil: signal.validUntil });
        return order as StoredOrder;
      });
      expect(await handle.result()).toMatchObject({ status: 'canceled', executedQuantity: '0', intentId: resting.intentId });
      expect(stack.witness().orders.get(resting.clientOrderId)).toMatchObject([{ status: 'CANCELED' }]);
    } finally {
      stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
    }
    expect(Date.now()).toBeGreaterThanOrEqual(signal.validUntil);
    expect(await count('orders o join signals s using (signal_id) where s.bar_close_time = 2950')).toBe(1);
    expect(await count(`orders where intent_id = $1 and final_at is not null and reserved_notional = 0`, intentIdOf(signal))).toBe(1);
  });

  it('denies with every reason, writes it down and sends nothing', async () => {
    const before = bought();
    const outcome = await run({ ...stack.signal('open', 3_000), strategyVersion: '2', validUntil: 1 });
    expect(outcome).toMatchObject({ status: 'denied', codes: ['RISK_SIGNAL_EXPIRED', 'RISK_STRATEGY_INACTIVE'] });
    expect(bought()).toBe(before);
    expect(await count(`signals where outcome = 'notTraded' and bar_close_time = 3000 and jsonb_array_length(failures) = 2`)).toBe(1);
  });

  it('P8, P10: a send whose reply is lost is looked up, never sent again', async () => {
    let sends = 0;
    sending = (real) => ({
      submit: async (request, deadlineMs) => {
        if (request.side === 'buy') sends += 1;
        await real.submit(request, deadlineMs);
        return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
      },
    });
    const signal = stack.signal('open', 4_000);
    expect(await run(signal)).toMatchObject({ status: 'filled' });
    expect(sends).toBe(1);
    expect(await count('fills where intent_id = $1', intentIdOf(signal))).toBeGreaterThan(0);
    sending = undefined;
    expect(await run(stack.signal('close', 4_500))).toMatchObject({ status: 'filled' });
  });

  it('P11: what never reached the venue is not placed, but only after its window by the venue’s clock', async () => {
    const signal = stack.signal('open', 5_000);
    let requestedUntil = 0;
    sending = () => ({
      submit: async (request) => {
        requestedUntil = request.signedTimestamp + request.receiveWindowMs;
        return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
      },
    });
    const outcome = await run(signal);
    sending = undefined;
    expect(outcome.status).toBe('notPlaced');
    expect(stack.venue.profile.visibilityBoundMs).toBeGreaterThan(0);
    expect(Date.now()).toBeGreaterThan(requestedUntil + stack.venue.profile.visibilityBoundMs);
    expect(await count('orders where intent_id = $1 and reserved_notional = 0', intentIdOf(signal))).toBe(1);
  });

  it('P14: what was proven not placed is tried once more, as another intent with another id', async () => {
    const signal = stack.signal('open', 5_500);
    const ids: string[] = [];
    sending = (real) => ({
      submit: async (request, deadlineMs) => {
        if (request.side === 'buy') ids.push(request.clientOrderId);
        if (request.side === 'sell' || ids.length > 1) return real.submit(request, deadlineMs);
        return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }) };
      },
    });
    expect(await run(signal)).toMatchObject({ status: 'filled', intentId: intentIdOf(signal, 2) });
    sending = undefined;
    expect(new Set(ids).size).toBe(2);
    expect(await count(`orders where intent_id = $1 and status = 'notPlaced'`, intentIdOf(signal, 1))).toBe(1);
    expect(await run(stack.signal('close', 5_700))).toMatchObject({ status: 'filled' });
  });

  it('P1: the same signal again is the same order', async () => {
    const signal = stack.signal('open', 6_000);
    const outcome = await run(signal);
    expect(outcome).toMatchObject({ status: 'filled' });
    const sent = bought();
    // Temporal has forgotten nothing here, so the id must be another: the row alone has to refuse.
    const again = await run(signal, `again:${signalWorkflowId(signal)}`);
    expect(again).toEqual(outcome);
    expect(bought()).toBe(sent);
    expect(await run(stack.signal('close', 6_500))).toMatchObject({ status: 'filled' });
    await agreement();
  });
});
