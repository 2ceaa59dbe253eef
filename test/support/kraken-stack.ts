import { expect } from 'vitest';
import type { OrderRequest, Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createVenue } from '../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { decimal } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { signalWorkflowId, type TradeSignal } from '../../core/signal/signal.js';
import type { OrderOutcome } from '../../workflows/order/status.js';
import { cuttingProxy, type CuttingProxy } from './cutting-proxy.js';
import { eventually } from './eventually.js';
import { executed, type StubOrder } from './kraken-stub/account.js';
import { IN_TETHER } from './kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from './kraken-stub/server.js';
import { startOrderWorker, type OrderWorker, type TemporalAddress } from './order-worker.js';
import { ACCOUNT, INSTRUMENT, LIMITS, openTradingStack, startWorker, type TradingStack } from './trading-stack.js';

/** All of them trade the one instrument, each with a position of its own. */
export const STRATEGIES = ['momentum', 'second', 'third'];
const keyOf = (strategy: string) => ({ account: ACCOUNT, strategy, instrument: INSTRUMENT });
/** What is to be set for a key, in its unit: ten seconds (docs/reference/venues.md). */
export const NONCE_WINDOW = 10_000_000;
/** The account is polled, and lists prove nothing before window and bound are over. */
export const KRAKEN_LIMIT_MS = 90_000;
const FRESH_MS = 600_000;

/** An account at the stub with real workers, ledger and adapter; a proxy that can cut connections stands before the stub. */
export interface KrakenStack {
  readonly stub: KrakenStub;
  readonly proxy: CuttingProxy;
  readonly stack: TradingStack;
  /** Connections of their own with the same key, as another process has them. */
  connect(): Promise<Venue>;
  /** Another worker of the same queue, over connections of its own. */
  addWorker(): Promise<void>;
  /** Done before an order is sent. @param by the worker that sends it, from 0 */
  beforeSend: (request: OrderRequest, by: number) => void;
  /** Gives a signal that stays fresh, by default of the first strategy, and waits for what becomes of it. */
  run(leg: TradeSignal['leg'], strategy?: string): Promise<OrderOutcome>;
  newest(purpose: string): Promise<StoredOrder | undefined>;
  order(clientOrderId: string): Promise<StoredOrder | undefined>;
  /** How many requests of a call have arrived. */
  calls(call: string): number;
  /** Waits until the first strategy's stop rests in the books and at the venue, alone, for all that was bought; another than `after`. */
  protectedBy(after: string | undefined): Promise<StubOrder>;
  /** Waits until nothing is held, and the owners have ended; holds that nothing is open at the venue, and nothing was sent twice. */
  ended(strategies?: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export async function openKrakenStack(temporal: TemporalAddress): Promise<KrakenStack> {
  const stub = await krakenStub(IN_TETHER);
  stub.nonceWindow = NONCE_WINDOW;
  const proxy = await cuttingProxy(stub.port);
  const connect = (): Promise<Venue> =>
    createVenue({
      profile: { ...KRAKEN, limiter: { rateLimit: 1 }, refusedAgainMs: 50, submitDeadlineMs: 10_000 },
      urls: { ...stub.urls, rest: `http://127.0.0.1:${proxy.port}` },
      apiKey: STUB_KEY,
      secret: STUB_SECRET,
      clock: Date.now,
      account: ACCOUNT,
    });
  const venues: Venue[] = [];
  const venueOfWorker = async (): Promise<Venue> => {
    const venue = await connect();
    const by = venues.push(venue) - 1;
    return {
      ...venue,
      sender: {
        submit(request, deadlineMs) {
          opened.beforeSend(request, by);
          return venue.sender.submit(request, deadlineMs);
        },
      },
    };
  };
  const first = await venueOfWorker();
  const stack = await openTradingStack({
    venueOf: (paper) => ({ ...first, close: async () => void (await Promise.all([first.close(), paper.close()])) }),
  });
  await createControlStore(stack.pool).applyConfiguration({
    ...{ account: ACCOUNT, venue: 'paper', limits: LIMITS, subject: 'test' },
    strategies: STRATEGIES.map((strategy) => ({ strategy, instrument: INSTRUMENT, version: '1', modelHash: 'none' })),
  });
  const worker = await startWorker(stack, temporal);
  const { taskQueue } = worker;
  const others: OrderWorker[] = [];
  let bar = 0;

  const orderWhere = async (where: 'purpose' | 'client_order_id', value: string): Promise<StoredOrder | undefined> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      `select order_json(o) as o from orders o where ${where} = $1 order by created_at desc, sequence desc limit 1`,
      [value],
    );
    return rows[0]?.o;
  };
  const newest = (purpose: string): Promise<StoredOrder | undefined> => orderWhere('purpose', purpose);
  const resting = (): StubOrder[] => stub.account.orders.filter(({ status }) => status === 'open');
  const held = async (strategy = 'momentum') => (await stack.dependencies.store.position(keyOf(strategy))).quantity;

  const opened: KrakenStack = {
    stub,
    proxy,
    stack,
    beforeSend: () => undefined,
    newest,
    order: (clientOrderId) => orderWhere('client_order_id', clientOrderId),
    calls: (call) => stub.arrived.filter((request) => request.call === call).length,
    connect,
    async addWorker() {
      const venue = await venueOfWorker();
      const dependencies = { ...stack.dependencies, venueOf: () => venue };
      others.push(await startOrderWorker({ ...stack.ledger, dependencies }, temporal, { taskQueue }));
    },
    run(leg, strategy = 'momentum') {
      const signal = { ...stack.signal(leg, (bar += 1_000)), strategy, validUntil: Date.now() + FRESH_MS };
      return worker.client.workflow.execute('signalToOrder', {
        taskQueue,
        workflowId: signalWorkflowId(signal),
        args: [signal],
        workflowTaskTimeout: '5s',
      });
    },
    protectedBy: (after) =>
      eventually(async () => {
        const stop = await newest('stop');
        expect(stop).toMatchObject({ status: 'accepted', isFinal: false, quantity: (await held()).toFixed() });
        expect(stop?.intentId).not.toBe(after);
        expect(resting().map(({ clientOrderId }) => clientOrderId)).toEqual([stop?.clientOrderId]);
        return resting()[0] as StubOrder;
      }, KRAKEN_LIMIT_MS),
    async ended(strategies = ['momentum']) {
      for (const strategy of strategies) {
        await eventually(async () => {
          expect((await held(strategy)).toFixed()).toBe('0');
          await worker.client.workflow.getHandle(ownerWorkflowId(keyOf(strategy))).result();
        }, KRAKEN_LIMIT_MS);
      }
      expect(resting()).toEqual([]);
      // Bought and sold are the same at the venue, and nothing was sent twice.
      const sum = (side: string) =>
        stub.account.orders.filter((order) => order.side === side).reduce((total, order) => total.plus(executed(order)), decimal('0'));
      expect(sum('sell').toFixed()).toBe(sum('buy').toFixed());
      const sent = stub.arrived.filter(({ call }) => call === 'AddOrder').map(({ params }) => params.get('cl_ord_id'));
      expect(new Set(sent).size).toBe(sent.length);
      const { rows } = await stack.pool.query('select intent_id from orders where final_at is null or reserved_notional > 0');
      expect(rows).toEqual([]);
    },
    async close() {
      for (const one of [...others, worker]) await one.stop();
      await stack.close();
      await Promise.all(venues.map((venue) => venue.close()));
      await proxy.close();
      await stub.close();
    },
  };
  return opened;
}
