import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KRAKEN } from '../../../adapters/venue/profiles/kraken.js';
import { MARKET } from '../../../core/execution/policy.js';
import { PROTOCOL } from '../../../core/risk/limits.js';
import type { TradeSignal } from '../../../core/signal/signal.js';
import { eventually } from '../../support/eventually.js';
import { executed, type StubOrder } from '../../support/kraken-stub/account.js';
import { KRAKEN_LIMIT_MS, NONCE_WINDOW, openKrakenStack, STRATEGIES, type KrakenStack } from '../../support/kraken-stack.js';
import { temporalIfAny } from '../../support/temporal.js';
import { ACCOUNT } from '../../support/trading-stack.js';

const temporal = await temporalIfAny();
/** More than the deadline of an order is ahead of its signing. */
const LATE_MS = KRAKEN.receiveWindowMs + 500;
const LIMITED = { code: 'VENUE_RATE_LIMITED' };
const RESTING = { kind: 'limit', offsetBps: 100, postOnly: true, workMs: 1_500 } as const;
const MOST_ROUNDS = 5;

/** The whole way of an order with real workers, ledger and adapter; the stub answers as the venue's documentation says. */
describe.skipIf(temporal === undefined)('a position at a venue that is listed and matched', { timeout: 4 * KRAKEN_LIMIT_MS }, () => {
  let kraken: KrakenStack;

  beforeAll(async () => {
    if (temporal !== undefined) kraken = await openKrakenStack(temporal);
  });
  afterEach(() => {
    kraken.beforeSend = () => undefined;
    kraken.stub.isFull = () => false;
    kraken.stub.leastDeadlineMs = 0;
    kraken.stub.nonceWindow = NONCE_WINDOW;
    kraken.stack.ledger.workEntries(ACCOUNT, { execution: MARKET });
  });
  afterAll(() => kraken?.close());

  const sold = async (): Promise<void> => {
    expect(await kraken.run('close')).toMatchObject({ status: 'filled', codes: [] });
    await kraken.ended();
  };
  const newestStop = async (): Promise<string | undefined> => (await kraken.newest('stop'))?.intentId;
  const open = (): StubOrder[] => kraken.stub.account.orders.filter(({ status }) => status === 'open');
  /** The entry rests at the venue, below the market. */
  const resting = (): Promise<StubOrder> =>
    eventually(() => {
      const [order, another] = open();
      expect(another).toBeUndefined();
      expect(order).toMatchObject({ side: 'buy' });
      return order as StubOrder;
    });

  it('its entry fills, its stop rests and is taken away for the exit', async () => {
    expect(await kraken.run('open')).toMatchObject({ status: 'filled', codes: [] });
    const stop = await kraken.protectedBy(undefined);
    await sold();
    expect(stop.status).toBe('canceled');
  });

  it('lost replies, of the entry and of its stop: each is found by list and match, and sent once; the price reaches the stop, and it sells all', async () => {
    const before = await newestStop();
    kraken.beforeSend = () => kraken.proxy.cutNext('reply', 'POST /0/private/AddOrder');
    expect(await kraken.run('open')).toMatchObject({ status: 'filled', codes: ['VENUE_OUTCOME_UNKNOWN'] });
    await kraken.protectedBy(before);
    expect((await kraken.newest('stop'))?.failures).toMatchObject([{ code: 'VENUE_OUTCOME_UNKNOWN' }]);
    kraken.beforeSend = () => undefined;
    kraken.stub.account.moveTo('40000');
    await kraken.ended();
    kraken.stub.account.moveTo('50000');
  });

  it('P6: an entry and a stop that arrive after their deadline are not admitted; each is not placed, and another takes its place', async () => {
    const before = await newestStop();
    const late = new Set(['buy', 'sell']);
    const lateIds: string[] = [];
    kraken.beforeSend = ({ side, clientOrderId }) => {
      if (!late.delete(side)) return;
      lateIds.push(clientOrderId);
      kraken.stub.delayNext('AddOrder', () => wait(LATE_MS));
    };
    expect(await kraken.run('open')).toMatchObject({ status: 'filled', codes: [] });
    await kraken.protectedBy(before);
    const orders = await Promise.all(lateIds.map((id) => kraken.order(id)));
    expect(orders).toMatchObject(
      ['entry', 'stop'].map((purpose) => ({ purpose, status: 'notPlaced', failures: [{ code: 'VENUE_OUTCOME_UNKNOWN' }] })),
    );
    const placed = kraken.stub.account.orders.map(({ clientOrderId }) => clientOrderId);
    expect(lateIds.filter((id) => placed.includes(id))).toEqual([]);
    await sold();
  });

  it('an entry that nobody answers is canceled when its time is over', async () => {
    kraken.stack.ledger.workEntries(ACCOUNT, { execution: RESTING });
    const outcome = kraken.run('open');
    const order = await resting();
    expect(await outcome).toMatchObject({ status: 'canceled', executedQuantity: '0' });
    expect(order.status).toBe('canceled');
    await kraken.ended();
  });

  it('P17: one that was answered in part, and whose cancel has no reply: it is over by a look-up, and what was bought has its stop', async () => {
    const before = await newestStop();
    kraken.stack.ledger.workEntries(ACCOUNT, { execution: RESTING });
    const cancels = kraken.calls('CancelOrder');
    const outcome = kraken.run('open');
    const order = await resting();
    kraken.stub.account.fillPart(order, '0.004');
    kraken.proxy.cutNext('reply', 'POST /0/private/CancelOrder');
    expect(await outcome).toMatchObject({ status: 'canceled', executedQuantity: '0.004' });
    expect(kraken.calls('CancelOrder')).toBeGreaterThan(cancels);
    expect(executed(await kraken.protectedBy(before)).toFixed()).toBe('0');
    await sold();
  });

  it('P10: a request that is overtaken by another of its key is refused for its number, and nothing is placed; a stop is placed anew', async () => {
    const other = await kraken.connect();
    const overtaken = { buy: true, sell: false };
    kraken.stub.nonceWindow = 0;
    kraken.beforeSend = ({ side }) => {
      if (!overtaken[side]) return;
      overtaken[side] = false;
      kraken.stub.delayNext('AddOrder', ({ params }) =>
        eventually(async () => {
          await other.reader.balances();
          expect(kraken.stub.highestNonce).toBeGreaterThan(Number(params.get('nonce')));
        }),
      );
    };
    const placed = kraken.stub.account.orders.length;
    expect(await kraken.run('open')).toMatchObject({ status: 'rejected', codes: ['VENUE_REJECTED'] });
    expect(kraken.stub.account.orders.length).toBe(placed);
    await kraken.ended();
    // The other's numbers are ahead of ours by what its reading of the venue's clock is.
    await eventually(() => expect(Date.now() * 1_000 - 1_000_000).toBeGreaterThan(kraken.stub.highestNonce));

    const before = await newestStop();
    overtaken.sell = true;
    expect(await kraken.run('open')).toMatchObject({ status: 'filled' });
    await kraken.protectedBy(before);
    expect(overtaken.sell).toBe(false);
    kraken.stub.nonceWindow = NONCE_WINDOW;
    await sold();
    await other.close();
  });

  it('P17, P22: a counter of the key that another process fills: each call is asked for again, the stop is placed anew, and all is sold once', async () => {
    const before = await newestStop();
    const refused = new Set<string>();
    // Every other read and cancel, and the first order to sell, which is the stop.
    let [isTurn, isFirstSale] = [false, false];
    kraken.beforeSend = ({ side }) => (isFirstSale = side === 'sell' && !refused.has('AddOrder'));
    kraken.stub.isFull = (call) => {
      isTurn = !isTurn;
      const isRefused = call === 'AddOrder' ? isFirstSale : isTurn;
      if (isRefused) refused.add(call);
      return isRefused;
    };
    expect(await kraken.run('open')).toMatchObject({ status: 'filled', codes: [] });
    await eventually(async () => expect(await kraken.newest('stop')).toMatchObject({ status: 'rejected', failures: [LIMITED] }));
    await kraken.protectedBy(before);
    isTurn = false;
    await sold();
    expect([...refused]).toEqual(expect.arrayContaining(['OpenOrders', 'ClosedOrders', 'AddOrder', 'QueryTrades']));
  });

  it('P5, P6: where the venue wants a deadline further ahead than was authorised it refuses, and is asked with no later one', async () => {
    const before = await newestStop();
    const placed = kraken.stub.account.orders.length;
    kraken.stub.leastDeadlineMs = KRAKEN.receiveWindowMs;
    expect(await kraken.run('open')).toMatchObject({ status: 'rejected', codes: ['VENUE_REJECTED'] });
    expect(kraken.stub.account.orders.length).toBe(placed);
    await kraken.ended();

    // It begins to want it when something is held, which is offered a stop until the venue takes it.
    kraken.stub.leastDeadlineMs = 0;
    const sales: string[] = [];
    kraken.beforeSend = ({ side, clientOrderId }) => {
      if (side === 'sell') sales.push(clientOrderId);
      kraken.stub.leastDeadlineMs = sales.length === 1 ? KRAKEN.receiveWindowMs : 0;
    };
    expect(await kraken.run('open')).toMatchObject({ status: 'filled' });
    await kraken.protectedBy(before);
    expect(await kraken.order(sales[0] ?? '')).toMatchObject({ purpose: 'stop', status: 'rejected', venueOrderId: null });
    await sold();
    for (const { call, params } of kraken.stub.arrived) {
      if (call !== 'AddOrder') continue;
      const { signedTimestamp, receiveWindowMs } = (await kraken.order(params.get('cl_ord_id') ?? '')) ?? {};
      expect(Date.parse(params.get('deadline') ?? '')).toBe(Number(signedTimestamp) + Number(receiveWindowMs));
      expect(receiveWindowMs).toBeLessThanOrEqual(PROTOCOL.receiveWindowMaxMs);
    }
  });

  it('two workers with one key, whose strategies trade at once: no number is refused, and nothing is sent twice', async () => {
    await kraken.addWorker();
    const refused = kraken.stub.staleNonces;
    const senders = new Set<number>();
    kraken.beforeSend = (_, by) => senders.add(by);
    const all = (leg: TradeSignal['leg']) => Promise.all(STRATEGIES.map((strategy) => kraken.run(leg, strategy)));
    for (let round = 0; round < MOST_ROUNDS && senders.size < 2; round += 1) {
      expect(await all('open')).toMatchObject(STRATEGIES.map(() => ({ status: 'filled', codes: [] })));
      await eventually(() => expect(open().map(({ side }) => side)).toEqual(STRATEGIES.map(() => 'sell')), KRAKEN_LIMIT_MS);
      expect(await all('close')).toMatchObject(STRATEGIES.map(() => ({ status: 'filled', codes: [] })));
      await kraken.ended(STRATEGIES);
    }
    expect(senders.size).toBe(2);
    expect(kraken.stub.staleNonces).toBe(refused);
  });
});
