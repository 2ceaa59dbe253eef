import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrderRequest, SubmitVerdict, Venue } from '../../activities/ports/venue.js';
import { failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { intentIdOf, signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
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
import { disagreements } from '../../test/support/witness.js';
import type { OrderOutcome } from '../order/status.js';
import { doingQuery } from './messages.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const LONG_MS = 60_000;
const LIMIT_MS = 30_000;

/** A venue that has sent our address away (429, 418): entries are denied, what reduces waits and is not lost. */
describe.skipIf(temporal === undefined)('the owner of a position, of a venue that has sent us away', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let sending: ((request: OrderRequest, send: () => Promise<SubmitVerdict>) => Promise<SubmitVerdict>) | undefined;
  let closedForMs = 0;
  let bar = 0;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        weight: () => (closedForMs > 0 ? { kind: 'closed', forMs: closedForMs } : venue.weight()),
        sender: {
          submit: (request, deadlineMs) => {
            const send = (): Promise<SubmitVerdict> => venue.sender.submit(request, deadlineMs);
            return sending === undefined ? send() : sending(request, send);
          },
        },
      }),
    });
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterEach(() => {
    sending = undefined;
    closedForMs = 0;
  });
  afterAll(async () => {
    await worker?.stop();
    await stack?.close();
  });

  const start = (signal: TradeSignal) =>
    worker.client.workflow.start<(signal: TradeSignal) => Promise<OrderOutcome>>('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [signal],
      workflowTaskTimeout: '5s',
    });
  /** It may have to wait for the venue, and must not grow old meanwhile. */
  const next = (leg: TradeSignal['leg']): TradeSignal => {
    const signal = stack.signal(leg, (bar += 1_000));
    return { ...signal, validUntil: signal.validUntil + 600_000 };
  };
  const run = async (leg: TradeSignal['leg']): Promise<OrderOutcome> => (await start(next(leg))).result();
  const orders = async (purpose: string): Promise<StoredOrder[]> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      'select order_json(o) as o from orders o where purpose = $1 order by created_at, sequence',
      [purpose],
    );
    return rows.map((row) => row.o);
  };
  const resting = (): Promise<StoredOrder> =>
    eventually(async () => {
      const stop = (await orders('stop')).findLast((order) => !order.isFinal);
      expect(stop).toMatchObject({ status: 'accepted' });
      return stop as StoredOrder;
    }, LIMIT_MS);
  const owner = (): WorkflowHandle => worker.client.workflow.getHandle(ownerWorkflowId(KEY));
  const waits = (): Promise<void> =>
    eventually(async () => expect(await owner().query(doingQuery)).toMatch(/^waiting: the venue has sent our address away/), LIMIT_MS);
  const codesToldOf = async (): Promise<string[][]> => {
    const { rows } = await stack.pool.query<{ codes: string[] }>(
      `select data->'codes' as codes from incidents where account = $1 and kind = 'protectionDenied' order by opened_at`,
      [ACCOUNT],
    );
    return rows.map(({ codes }) => codes);
  };
  const sold = async (): Promise<void> => {
    await owner().result();
    await eventually(async () => expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]), LIMIT_MS);
  };

  it('waits with its stop, tells people, and places it as soon as it may; an exit waits before its stop is taken away', async () => {
    sending = async (_, send) => {
      const verdict = await send();
      closedForMs = LONG_MS;
      return verdict;
    };
    expect(await run('open')).toMatchObject({ status: 'filled', codes: [] });
    await waits();
    expect(await orders('stop')).toEqual([]);
    await eventually(async () => expect(await codesToldOf()).toEqual([['RISK_VENUE_CLOSED']]), LIMIT_MS);
    expect(await run('open')).toMatchObject({ status: 'denied', codes: expect.arrayContaining(['RISK_VENUE_CLOSED']) as string[] });
    sending = undefined;
    closedForMs = 0;
    const { intentId } = await resting();

    closedForMs = LONG_MS;
    const closing = next('close');
    const exit = await start(closing);
    await waits();
    expect(await orders('stop')).toMatchObject([{ intentId, status: 'accepted' }]);
    expect(await orders('exit')).toEqual([]);
    // It lasts: what is held has its stop, but the exit that the strategy wants does not come.
    closedForMs = 20;
    await eventually(async () => {
      const told = await stack.pool.query(`select data->>'exit' as exit from incidents where account = $1 and kind = 'exitWaits'`, [
        ACCOUNT,
      ]);
      expect(told.rows).toEqual([{ exit: intentIdOf(closing) }]);
    }, LIMIT_MS);
    expect(await orders('stop')).toMatchObject([{ intentId, status: 'accepted' }]);
    closedForMs = 0;
    expect(await exit.result()).toMatchObject({ status: 'filled' });
    await sold();
  });

  it('offers an exit again that the venue refused for its rate alone', async () => {
    expect(await run('open')).toMatchObject({ status: 'filled' });
    await resting();
    const before = (await orders('exit')).length;
    let refused = 0;
    const times = 2;
    sending = async (request, send) => {
      if (request.type !== 'limit' || request.side !== 'sell' || refused === times) return send();
      refused += 1;
      return { kind: 'rejected', failure: failure('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 100 }) };
    };
    expect(await run('close')).toMatchObject({ status: 'filled' });
    expect((await orders('exit')).slice(before)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }, { status: 'filled' }]);
    expect((await codesToldOf()).at(-1)).toEqual(['VENUE_RATE_LIMITED']);
    await sold();
  });

  it('P14: offers an exit that the venue refuses for its time alone, each time as another order, until it is placed; people are told', async () => {
    expect(await run('open')).toMatchObject({ status: 'filled' });
    await resting();
    const before = (await orders('exit')).length;
    let refused = 0;
    const times = 5;
    sending = async (request, send) => {
      if (request.type !== 'limit' || request.side !== 'sell' || refused === times) return send();
      refused += 1;
      return { kind: 'rejected', failure: failure('VENUE_REJECTED', { order: request.clientOrderId, venue: 'paper' }), reason: 'tooLate' };
    };
    expect(await run('close')).toMatchObject({ status: 'filled' });
    const exits = (await orders('exit')).slice(before);
    const rejected = Array<object>(times).fill({ status: 'rejected', reservedQuantity: '0' });
    expect(exits).toMatchObject([...rejected, { status: 'filled' }]);
    expect(new Set(exits.map(({ clientOrderId }) => clientOrderId)).size).toBe(times + 1);
    expect((await codesToldOf()).at(-1)).toEqual(['VENUE_REJECTED']);
    await sold();
  });

  it('P14: and until it is not wanted any more: then what is held has its stop again', async () => {
    expect(await run('open')).toMatchObject({ status: 'filled' });
    const { intentId } = await resting();
    const { skewMs, ...read } = await stack.venue.reader.clock();
    let refused = 0;
    sending = async (request, send) => {
      if (request.type !== 'limit' || request.side !== 'sell') return send();
      // An hour later.
      if ((refused += 1) === 2) stack.market.seeClock(ACCOUNT, { ...read, skewMs: skewMs + 3_600_000 });
      return { kind: 'rejected', failure: failure('VENUE_REJECTED', { order: request.clientOrderId, venue: 'paper' }), reason: 'tooLate' };
    };
    expect(await run('close')).toMatchObject({ status: 'rejected' });
    expect(refused).toBe(2);
    stack.market.seeClock(ACCOUNT, { ...read, skewMs });
    sending = undefined;
    expect((await resting()).intentId).not.toBe(intentId);
    expect((await codesToldOf()).at(-1)).toEqual(['RISK_SIGNAL_EXPIRED']);
    expect(await run('close')).toMatchObject({ status: 'filled' });
    await sold();
  });
});
