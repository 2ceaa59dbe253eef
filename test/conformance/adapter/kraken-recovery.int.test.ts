import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOrderActivities, type OrderActivities } from '../../../activities/order/index.js';
import { createVenue } from '../../../adapters/venue/create-venue.js';
import { KRAKEN } from '../../../adapters/venue/profiles/kraken.js';
import { intentIdOf } from '../../../core/signal/signal.js';
import { cuttingProxy, type CuttingProxy } from '../../support/cutting-proxy.js';
import { IN_TETHER } from '../../support/kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../support/kraken-stub/server.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../support/trading-stack.js';
import { eventually } from '../../support/eventually.js';
import { RESOLVE } from '../../../workflows/activity-options.js';

const ADD_ORDER = 'POST /0/private/AddOrder';
/** Longer than window and visibility bound together. */
const LONG_MS = KRAKEN.receiveWindowMs + KRAKEN.visibilityBoundMs + 5_000;
/** So often a read that is refused for its rate alone is asked for in its place. */
const MOST_TRIES = 4;

let stub: KrakenStub;
let proxy: CuttingProxy;
let stack: TradingStack;
let steps: OrderActivities;
let bar = 0;

beforeEach(async () => {
  stub = await krakenStub(IN_TETHER);
  proxy = await cuttingProxy(stub.port);
  const kraken = await createVenue({
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, refusedAgainMs: 1 },
    urls: { ...stub.urls, rest: `http://127.0.0.1:${proxy.port}` },
    apiKey: STUB_KEY,
    secret: STUB_SECRET,
    clock: Date.now,
    account: ACCOUNT,
  });
  stack = await openTradingStack({
    venueOf: (paper) => ({ ...kraken, close: async () => void (await Promise.all([kraken.close(), paper.close()])) }),
  });
  // The clock of the stub tells whole seconds: the stack's one reading of it is as coarse as that.
  stack.market.seeClock(ACCOUNT, { skewMs: 0, roundTripMs: 1 });
  steps = createOrderActivities(stack.dependencies);
});
afterEach(async () => {
  await stack?.close();
  await proxy.close();
  await stub.close();
});

/** One signal to open, authorised and sent into whatever stands in the way. @returns its intent. */
async function sent(cut?: 'request' | 'reply'): Promise<string> {
  const signal = stack.signal('open', (bar += 1_000));
  const intentId = intentIdOf(signal);
  expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
  if (cut !== undefined) proxy.cutNext(cut, ADD_ORDER);
  const submission = await steps.submit(intentId, ACCOUNT);
  expect(submission.kind).toBe(cut === undefined ? 'accepted' : 'unknown');
  await steps.record(intentId, submission);
  return intentId;
}
const settled = (intentId: string) =>
  eventually(async () => {
    const { isSettled, order } = await steps.resolve(intentId);
    if (!isSettled) throw new Error(`the order is ${order.status}`);
    return order;
  });
async function reserved(): Promise<string[]> {
  const { rows } = await stack.database.pool.query<{ reserved: string }>('select reserved_notional::text as reserved from orders');
  return rows.map((row) => row.reserved);
}

describe('P11 at a venue that is listed and matched, with the real ledger', () => {
  it('an order that is accepted fills by its look-up: the reply told no fill', async () => {
    const order = await settled(await sent());
    expect(order).toMatchObject({ status: 'filled', executedQuantity: order.quantity });
    expect(stub.account.orders).toHaveLength(1);
  });

  it('a lost reply: unknown, then found with its fills, sent once', async () => {
    const intentId = await sent('reply');
    const order = await settled(intentId);
    expect(order).toMatchObject({ status: 'filled', venueOrderId: stub.account.orders[0]?.txid });
    expect(stub.arrived.filter(({ call }) => call === 'AddOrder')).toHaveLength(1);
  });

  it('a request that never arrived: unknown until the window and the bound are over by the clock of the venue, then not placed', async () => {
    const intentId = await sent('request');
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: false, order: { status: 'unknown' } });
    stub.aheadMs = LONG_MS;
    expect(await settled(intentId)).toMatchObject({ status: 'notPlaced' });
    expect(stub.account.orders).toEqual([]);
    expect(await reserved()).toEqual(['0']);
  });

  it('a request that is late: the venue does not admit it, and it ends as not placed', async () => {
    const signal = stack.signal('open', (bar += 1_000));
    const intentId = intentIdOf(signal);
    await steps.authorise(signal);
    stub.aheadMs = LONG_MS;
    await steps.record(intentId, await steps.submit(intentId, ACCOUNT));
    expect(await settled(intentId)).toMatchObject({ status: 'notPlaced' });
    expect(stub.account.orders).toEqual([]);
  });

  it('each of its reads is refused as often as may be: it comes to its end within what the step may take, or it would begin anew for ever', async () => {
    const intentId = await sent('request');
    stub.aheadMs = LONG_MS;
    let [asked, refused] = [0, 0];
    stub.isFull = () => {
      const isFull = (asked += 1) % MOST_TRIES !== 0;
      if (isFull) refused += 1;
      return isFull;
    };
    expect(await steps.resolve(intentId)).toMatchObject({ isSettled: true, order: { status: 'notPlaced' } });
    expect(asked - refused).toBe(8);
    const mayTakeMs = Number.parseInt(String(RESOLVE.startToCloseTimeout), 10) * 1_000;
    expect(mayTakeMs).toBeGreaterThan(refused * (KRAKEN.refusedAgainMs ?? 0));
  });

  it('lists that cannot be read to their end prove nothing, however late it is', async () => {
    const intentId = await sent('request');
    stub.aheadMs = LONG_MS;
    stub.answerNext('ClosedOrders', { result: { closed: {}, count: 3 } });
    await expect(steps.resolve(intentId)).rejects.toThrow(/ends before its count/);
    expect(await settled(intentId)).toMatchObject({ status: 'notPlaced' });
  });
});
