import { readFile } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HaltCause } from '../../activities/ports/halt.js';
import type { OrderRequest, SubmitVerdict, Venue } from '../../activities/ports/venue.js';
import { openHaltStore, type Engaged, type HaltStore } from '../../adapters/store/halt-store.js';
import { decimal } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
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
import { killWorkflowId } from '../names.js';
import type { OrderOutcome } from '../order/status.js';
import { killStateQuery, type KillState } from './messages.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const CAUSE: HaltCause = { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' };
const LIMIT = { timeout: 30_000, interval: 20 };

describe.skipIf(temporal === undefined)('killSwitch, on a real server, ledger and paper venue', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let halts: HaltStore;
  let sending: ((request: OrderRequest, send: () => Promise<SubmitVerdict>) => Promise<SubmitVerdict>) | undefined;
  let isDown = false;
  let bar = 0;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        sender: {
          submit: (request, deadlineMs) => {
            const send = (): Promise<SubmitVerdict> => venue.sender.submit(request, deadlineMs);
            return sending === undefined ? send() : sending(request, send);
          },
        },
        haltReader: new Proxy(venue.haltReader, {
          get: (target, name: keyof Venue['reader']) => (isDown ? () => Promise.reject(new Error('the venue is down')) : target[name]),
        }),
      }),
    });
    halts = openHaltStore(stack.database.url);
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await stack?.close();
  });
  afterEach(async () => {
    sending = undefined;
    isDown = false;
    // As a re-arm would, without its conditions.
    await stack.database.pool.query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await changed();
    await kill()
      .result()
      .catch(() => undefined);
    await stack.database.pool.query('update incidents set closed_at = clock_timestamp(); delete from blocked_instruments');
  });

  /** The kill is told, as by the outbox of a halt. */
  const changed = (): Promise<unknown> =>
    stack.database.pool.query(`insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', $1::text))`, [ACCOUNT]);
  const next = (leg: TradeSignal['leg']): TradeSignal => stack.signal(leg, (bar += 1_000));
  const start = (signal: TradeSignal): Promise<WorkflowHandle> =>
    worker.client.workflow.start('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [signal],
      workflowTaskTimeout: '5s',
    });
  const open = async (): Promise<OrderOutcome> => (await start(next('open'))).result() as Promise<OrderOutcome>;
  const orders = async (where: string): Promise<StoredOrder[]> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      `select order_json(o) as o from orders o where account = $1 and ${where} order by created_at, sequence`,
      [ACCOUNT],
    );
    return rows.map((row) => row.o);
  };
  const resting = (): Promise<StoredOrder> =>
    vi.waitFor(async () => {
      const [stop] = await orders(`purpose = 'stop' and final_at is null`);
      expect(stop).toMatchObject({ status: 'accepted' });
      return stop as StoredOrder;
    }, LIMIT);
  const held = async (): Promise<number> => (await stack.dependencies.store.position(KEY)).quantity.toNumber();
  const halt = (cause: Partial<HaltCause> = {}): Promise<Engaged> =>
    halts.latch({ scope: 'account', scopeValue: ACCOUNT }, { ...CAUSE, ...cause });
  const kill = (): WorkflowHandle => worker.client.workflow.getHandle(killWorkflowId(ACCOUNT));
  const state = (): Promise<KillState> => kill().query(killStateQuery);
  const verified = (): Promise<KillState> =>
    vi.waitFor(async () => {
      const seen = await state();
      expect(seen).toMatchObject({ phase: 'verified', unverified: [] });
      return seen;
    }, LIMIT);
  /** What the venue itself says: nothing open but these, and no more than was there before us, but for dust. */
  const shown = async (stops = 0): Promise<void> => {
    const { orders: atVenue, balances, fills } = stack.witness();
    const filled = new Set(fills.filter(({ status }) => status === 'FILLED').map(({ orderId }) => orderId));
    const isOpen = (status: string): boolean => status === 'NEW' || status === 'PARTIALLY_FILLED';
    const working = [...atVenue.values()].flat().filter(({ status, orderId }) => isOpen(status) && !filled.has(orderId));
    expect(working).toHaveLength(stops);
    if (stops === 0)
      expect(
        decimal(balances.get('BTC') ?? '0')
          .minus(2)
          .toNumber(),
      ).toBeLessThan(0.00002);
    expect(decimal(balances.get('BTC') ?? '0').toNumber()).toBeGreaterThanOrEqual(2);
    expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]);
  };

  it('sells what is held, with its stop gone first, and writes its evidence', async () => {
    await open();
    await resting();
    await halt();
    const { evidence } = await verified();
    await shown();
    expect(await orders(`purpose = 'flatten'`)).toMatchObject([{ status: 'filled', timeInForce: 'IOC' }]);
    const written = JSON.parse(await readFile(evidence?.path ?? '', 'utf8')) as Record<string, unknown>;
    expect(Object.keys(written)).toEqual(expect.arrayContaining(['latches', 'timeline', 'venueReplies', 'orders', 'fills', 'hashes']));
    const { rows } = await stack.pool.query(`select phase, evidence->>'sha256' as hash from kills`);
    expect(rows).toEqual([{ phase: 'verified', hash: evidence?.sha256 }]);
    const incidents = await stack.pool.query(`select kind from incidents where closed_at is null`);
    expect(incidents.rows).toEqual([{ kind: 'halt' }]);
    // It stays latched: nothing is opened any more.
    expect(await open()).toMatchObject({ status: 'denied', codes: ['RISK_KILLED'] });
  });

  it('P22: keeps the stop where nothing is to be sold, and places it anew when somebody takes it away', async () => {
    await open();
    const stop = await resting();
    await halt({ policy: 'none' });
    expect(await verified()).toMatchObject({ kept: [stop.intentId], dust: [] });
    await shown(1);
    await stack.venue.reader.cancel(INSTRUMENT, stop.clientOrderId);
    await changed();
    const again = await vi.waitFor(async () => {
      const [one] = await orders(`purpose = 'stop' and final_at is null and intent_id <> '${stop.intentId}'`);
      expect(one).toMatchObject({ status: 'accepted' });
      return one as StoredOrder;
    }, LIMIT);
    expect(again.quantity).toBe(stop.quantity);
    // A latch with another policy over the same scope makes it stricter: now it goes.
    await halt();
    await vi.waitFor(async () => expect(await held()).toBeLessThan(0.00001), LIMIT);
    await verified();
    await shown();
  });
});
