import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVenue } from '../../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../../adapters/venue/profiles/kraken.js';
import { decimal } from '../../../core/money/index.js';
import type { StoredOrder } from '../../../core/order/stored-order.js';
import { ownerWorkflowId } from '../../../core/protection/position-key.js';
import { signalWorkflowId, type TradeSignal } from '../../../core/signal/signal.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import { cuttingProxy, type CuttingProxy } from '../../support/cutting-proxy.js';
import { eventually } from '../../support/eventually.js';
import { executed, type StubOrder } from '../../support/kraken-stub/account.js';
import { IN_TETHER } from '../../support/kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../support/kraken-stub/server.js';
import { temporalIfAny } from '../../support/temporal.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, startWorker, type StackWorker, type TradingStack } from '../../support/trading-stack.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const ADD_ORDER = 'POST /0/private/AddOrder';
/** The account is polled, and lists prove nothing before window and bound are over. */
const LIMIT_MS = 90_000;

/** The whole way of an order with real workers, ledger and adapter; the stub answers as the venue's documentation says. */
describe.skipIf(temporal === undefined)('a position at a venue that is listed and matched', () => {
  let stub: KrakenStub;
  let proxy: CuttingProxy;
  let stack: TradingStack;
  let worker: StackWorker;
  let bar = 0;
  /** The reply to each order is lost, once it is there. */
  let losesReplies = false;

  beforeAll(async () => {
    stub = await krakenStub(IN_TETHER);
    // Reads and sends of two connections overtake each other; the settings of a key allow for that.
    stub.nonceWindow = 60_000;
    proxy = await cuttingProxy(stub.port);
    const kraken = await createVenue({
      profile: { ...KRAKEN, limiter: { rateLimit: 1 }, submitDeadlineMs: 10_000, receiveWindowMs: 5_000 },
      urls: { ...stub.urls, rest: `http://127.0.0.1:${proxy.port}` },
      apiKey: STUB_KEY,
      secret: STUB_SECRET,
      clock: Date.now,
      account: ACCOUNT,
    });
    stack = await openTradingStack({
      venueOf: (paper) => ({
        ...kraken,
        sender: {
          submit: (request, deadlineMs) => {
            if (losesReplies) proxy.cutNext('reply', ADD_ORDER);
            return kraken.sender.submit(request, deadlineMs);
          },
        },
        close: async () => void (await Promise.all([kraken.close(), paper.close()])),
      }),
    });
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterEach(() => {
    losesReplies = false;
  });
  afterAll(async () => {
    await worker?.stop();
    await stack?.close();
    await proxy?.close();
    await stub?.close();
  });

  const run = (leg: TradeSignal['leg']): Promise<OrderOutcome> => {
    const signal = stack.signal(leg, (bar += 1_000));
    return worker.client.workflow.execute('signalToOrder', {
      taskQueue: worker.taskQueue,
      workflowId: signalWorkflowId(signal),
      args: [{ ...signal, validUntil: signal.validUntil + 600_000 }],
      workflowTaskTimeout: '5s',
    });
  };
  const newest = async (purpose: string): Promise<StoredOrder | undefined> => {
    const { rows } = await stack.pool.query<{ o: StoredOrder }>(
      'select order_json(o) as o from orders o where purpose = $1 order by created_at desc, sequence desc limit 1',
      [purpose],
    );
    return rows[0]?.o;
  };
  /** The stop rests in the books and at the venue, alone, for all that was bought. */
  const protectedBy = async (after: string | undefined): Promise<StubOrder> =>
    eventually(async () => {
      const stop = await newest('stop');
      expect(stop).toMatchObject({ status: 'accepted', isFinal: false });
      expect(stop?.intentId).not.toBe(after);
      const open = stub.account.orders.filter(({ status }) => status === 'open');
      expect(open.map(({ clientOrderId }) => clientOrderId)).toEqual([stop?.clientOrderId]);
      return open[0] as StubOrder;
    }, LIMIT_MS);
  const ended = async (): Promise<void> => {
    await eventually(async () => {
      expect((await stack.dependencies.store.position(KEY)).quantity.toFixed()).toBe('0');
      await worker.client.workflow.getHandle(ownerWorkflowId(KEY)).result();
    }, LIMIT_MS);
    expect(stub.account.orders.filter(({ status }) => status === 'open')).toEqual([]);
    // Bought and sold are the same at the venue, and nothing was sent twice.
    const sum = (side: string) =>
      stub.account.orders.filter((order) => order.side === side).reduce((total, order) => total.plus(executed(order)), decimal('0'));
    expect(sum('sell').toFixed()).toBe(sum('buy').toFixed());
    const sent = stub.arrived.filter(({ call }) => call === 'AddOrder').map(({ params }) => params.get('cl_ord_id'));
    expect(new Set(sent).size).toBe(sent.length);
  };

  it(
    'its entry fills, its stop rests and is taken away for the exit',
    async () => {
      expect(await run('open')).toMatchObject({ status: 'filled', codes: [] });
      const stop = await protectedBy(undefined);
      expect(await run('close')).toMatchObject({ status: 'filled', codes: [] });
      expect(stop.status).toBe('canceled');
      await ended();
    },
    2 * LIMIT_MS,
  );

  it(
    'lost replies, of the entry and of its stop: each is found by list and match, and sent once; the price reaches the stop, and it sells all',
    async () => {
      const before = (await newest('stop'))?.intentId;
      losesReplies = true;
      expect(await run('open')).toMatchObject({ status: 'filled', codes: ['VENUE_OUTCOME_UNKNOWN'] });
      await protectedBy(before);
      expect((await newest('stop'))?.failures).toMatchObject([{ code: 'VENUE_OUTCOME_UNKNOWN' }]);
      losesReplies = false;
      stub.account.moveTo('40000');
      await ended();
      stub.account.moveTo('50000');
    },
    2 * LIMIT_MS,
  );
});
