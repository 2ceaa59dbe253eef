import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Mode } from '../../core/control/mode.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import { nextAttempt } from '../../core/execution/next-attempt.js';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { RiskView, WorkingOrder } from '../../core/risk/view.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import { KEY, LEDGER, NOW } from '../../test/support/risk-view.js';
import type { OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import type { OrderDependencies } from './dependencies.js';
import { createTend } from './tend.js';

const d = (value: string): DecimalText => value as DecimalText;
const WORK_MS = 10_000;
const LIMIT: ExecutionPolicy = { kind: 'limit', offsetBps: 0, workMs: WORK_MS, postOnly: false, replaceBps: 10 };
const SIGNAL = { ...KEY, strategyVersion: '1', leg: 'open' } as TradeSignal;
const gone = new Error('the venue is away');

let now: number;
let order: StoredOrder;
let live: StreamedMarket;
/** What the venue says of the order, and of the price; undefined: it does not answer. */
let isCanceled: boolean;
let price: string | undefined;
let prices: number;
let cancels: number;
/** Happens when the ledger is asked for the risk state: the price has moved, and nothing was wished yet. */
let meanwhile: () => void;
/** Each pause of the step; where it throws, its worker has died. */
let paused: () => void;
/** Look-ups that are not answered. */
let unanswered: number;
let policy: ExecutionPolicy | undefined;
let mode: Mode;
/** When the order was looked up. */
let looks: number[];
let ledger: Partial<RiskView>;
let weight: VenueWeight;
let profile: Pick<Venue['profile'], 'id' | 'streams' | 'rateBudget' | 'readWeights'>;

beforeEach(() => {
  [now, isCanceled, price, prices, cancels, unanswered, policy] = [NOW, false, undefined, 0, 0, 0, LIMIT];
  mode = 'normal';
  [looks, ledger, weight] = [[], {}, { kind: 'untold' }];
  profile = {
    ...{ id: 'paper', streams: { bars: true, account: true }, rateBudget: { weight: { limit: 6_000, windowMs: 60_000 } } },
    readWeights: { openOrders: 80, lookUp: 5, fills: 20, balances: 20 },
  };
  [meanwhile, paused] = [() => undefined, () => undefined];
  live = new StreamedMarket(() => now);
  order = {
    ...{
      ...KEY,
      intentId: 'i',
      clientOrderId: 'c',
      signalId: 's',
      strategyVersion: '1',
      base: 'BTC',
      quote: 'USDT',
      leg: 'open',
      side: 'buy',
    },
    ...{ purpose: 'entry', sequence: 1, status: 'accepted', type: 'limit', postOnly: false, timeInForce: 'GTC', quantity: d('1') },
    ...{ price: d('100'), stopPrice: null, reservedQuantity: d('1'), reservedNotional: d('100'), executedQuantity: d('0') },
    ...{ executedNotional: d('0'), venueOrderId: '7', venueStatus: null, venueExecutedQuantity: null, signedTimestamp: NOW },
    ...{ receiveWindowMs: 500, workingUntil: NOW + WORK_MS, triggeredTime: null, missingTime: null, failures: [], version: 1 },
    ...{ createdTime: NOW, updatedTime: NOW, isFinal: false },
  };
});

/** Why no entry is allowed any more where it rests. */
let withdrawn: string | undefined;
afterEach(() => void (withdrawn = undefined));

function tend(): ReturnType<ReturnType<typeof createTend>> {
  return worker()('i', SIGNAL);
}
/** Looks after entries, one step after the other. */
function worker(): ReturnType<typeof createTend> {
  const store: Partial<OrderStore> = {
    order: async () => order,
    whyWithdrawn: async () => withdrawn,
    checkEpoch: async () => undefined,
    changeOrder: async ({ failures, ...change }) => {
      if (change.version !== order.version) return { kind: 'conflict' };
      order = { ...order, ...change, failures: [...order.failures, ...failures], version: order.version + 1 };
      return { kind: 'written', order };
    },
  };
  const reader: Partial<Venue['reader']> = {
    async lookUp() {
      looks.push(now - NOW);
      if (unanswered-- > 0) throw gone;
      const { clientOrderId, instrument, side, quantity } = order;
      const shown = { venueOrderId: '7', clientOrderId, instrument, side, quantity, price: order.price, isTriggered: false };
      const status = isCanceled ? 'canceled' : 'accepted';
      return { kind: 'found', venueTime: now, order: { ...shown, status, executedQuantity: order.executedQuantity, createdTime: NOW } };
    },
    async cancel() {
      cancels += 1;
      isCanceled = true;
      return 'canceled';
    },
    async lastPrice() {
      prices += 1;
      if (price === undefined) throw gone;
      return d(price);
    },
  };
  const read = async () => (meanwhile(), { ...LEDGER, mode, ...ledger });
  const entriesOf = () => policy && { sizing: { kind: 'fixedNotional', notional: d('100') }, execution: policy };
  const venue = { profile, reader, weight: () => weight };
  const dependencies = { store, risk: { read }, venueOf: () => venue, live, epoch: 1, instanceId: 'one', entriesOf };
  return createTend(dependencies as unknown as OrderDependencies, async (ms) => {
    now += ms;
    paused();
  });
}
const streams = (at: string): void => live.seePrice(KEY.account, KEY.instrument, d(at), { seenTime: now });

it('rests until its time is over, where its price has not moved', async () => {
  paused = () => streams('100.01');
  const tended = await tend();
  expect(tended).toMatchObject({ order: { status: 'canceled', failures: [] }, isReplaced: false });
  expect(now).toBeGreaterThanOrEqual(NOW + WORK_MS);
  expect(nextAttempt(tended.order, [], tended.isReplaced)).toBeUndefined();
});

describe('an entry whose price has moved away', () => {
  it('is canceled for another, and says so', async () => {
    streams('101');
    const tended = await tend();
    expect(tended).toMatchObject({ order: { status: 'canceled', failures: [{ code: 'ORDER_PRICE_MOVED' }] }, isReplaced: true });
    expect(nextAttempt(tended.order, [], tended.isReplaced)).toBe('replace');
    expect(now).toBe(NOW);
    expect([prices, cancels]).toEqual([0, 1]);
  });

  it('is replaced though the worker died after the cancel was wished', async () => {
    streams('101');
    // The first look-up of the step is answered, the one after the wish is not.
    meanwhile = () => (unanswered = 1);
    await expect(tend()).rejects.toBe(gone);
    expect([order.status, cancels]).toEqual(['pendingCancel', 0]);
    // Another worker takes the step up, in which nothing is known of the price.
    [meanwhile, live, price] = [() => undefined, new StreamedMarket(() => now), '100'];
    expect(await tend()).toMatchObject({ order: { status: 'canceled' }, isReplaced: true });
  });

  it('is withdrawn where no entry is allowed any more, and not made anew', async () => {
    streams('101');
    withdrawn = 'main is in mode paused';
    const tended = await tend();
    expect(tended).toMatchObject({ order: { status: 'canceled', failures: [{ code: 'ORDER_ENTRY_WITHDRAWN' }] }, isReplaced: false });
    expect(nextAttempt(tended.order, [], tended.isReplaced)).toBeUndefined();
    expect([now, cancels]).toEqual([NOW, 1]);
  });

  it('rests on where no other could be entered for it, as in a shutdown that waits', async () => {
    mode = 'paused';
    paused = () => streams('101');
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [] }, isReplaced: false });
    expect(now).toBeGreaterThanOrEqual(NOW + WORK_MS);
  });

  it('is not replaced where somebody else had wished its cancel', async () => {
    streams('101');
    meanwhile = () => (order = { ...order, status: 'pendingCancel', version: order.version + 1 });
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [] }, isReplaced: false });
  });

  it('is not followed once it has been tended for half a minute; the next step goes on', async () => {
    order = { ...order, workingUntil: NOW + 90_000 };
    paused = () => streams('100');
    expect(await tend()).toMatchObject({ order: { status: 'accepted' }, isReplaced: false });
    expect(now).toBeGreaterThanOrEqual(NOW + 30_000);
    expect(now).toBeLessThan(NOW + 31_000);
  });
});

describe('in a worker that has no stream of the instrument', () => {
  it('the venue is asked for the price, no more often than the order is looked up', async () => {
    price = '100';
    await tend();
    expect(prices).toBeGreaterThan(2);
    expect(prices).toBeLessThanOrEqual(WORK_MS / 2_000 + 1);
  });

  it('and says that it has moved: the entry is replaced', async () => {
    price = '101';
    expect(await tend()).toMatchObject({ isReplaced: true });
  });

  it('or one that stood still', async () => {
    live.seePrice(KEY.account, KEY.instrument, d('100'), { seenTime: now - 2_001 });
    price = '101';
    expect(await tend()).toMatchObject({ isReplaced: true });
  });

  it('while it is broken off what rests stays, since nothing could be entered for it', async () => {
    streams('100');
    live.seeGap(KEY.account, KEY.instrument, 'a test');
    price = '101';
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [] }, isReplaced: false });
    expect(now).toBeGreaterThanOrEqual(NOW + WORK_MS);
  });

  it('a price that nobody tells moves nothing', async () => {
    live.seePrice(KEY.account, KEY.instrument, d('101'), { seenTime: now - 2_001 });
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [] }, isReplaced: false });
    expect(now).toBeGreaterThanOrEqual(NOW + WORK_MS);
  });
});

describe('an entry of a strategy that has left the configuration', () => {
  it('is looked after until its time is over, and made nowhere else', async () => {
    policy = undefined;
    paused = () => streams('101');
    expect(await tend()).toMatchObject({ order: { status: 'canceled' }, isReplaced: false });
    expect([prices, cancels]).toEqual([0, 1]);
    expect(now).toBeGreaterThanOrEqual(NOW + WORK_MS);
  });
});

describe('is looked up', () => {
  const FAR = NOW + 600_000;
  const listed = () =>
    (profile = {
      ...{ id: 'paper', streams: { bars: false, account: false }, rateBudget: { weight: { limit: 15, windowMs: 45_000 } } },
      readWeights: { openOrders: 1, lookUp: 1, fills: 2, balances: 1 },
    });
  const resting = (count: number) => {
    const one = { ...KEY, purpose: 'entry', status: 'accepted' } as Partial<WorkingOrder> as WorkingOrder;
    ledger = { workingOrders: [...Array<WorkingOrder>(count).fill(one), { ...one, purpose: 'stop' }, { ...one, status: 'pendingCancel' }] };
  };

  it('alone, where the ledger has all of its fills: a list of them costs more', async () => {
    order = { ...order, status: 'partiallyFilled', executedQuantity: d('0.4'), venueOrderId: '7', workingUntil: FAR };
    paused = () => (order = { ...order, workingUntil: now });
    // There is nothing here that lists fills.
    expect(await tend()).toMatchObject({ order: { status: 'canceled', executedQuantity: '0.4' } });
    expect(looks.length).toBeGreaterThan(1);
  });

  it('each two seconds, however often its price is looked at', async () => {
    order = { ...order, workingUntil: FAR };
    paused = () => streams('100.01');
    await tend();
    expect(looks).toEqual(Array.from({ length: 16 }, (_, n) => n * 2_000));
  });

  it.each([
    [4, 2_000],
    [24, 12_000],
  ])('within a tenth of what its venue allows, where the watch looks it up as well: %i rest, each %i ms', async (count, everyMs) => {
    resting(count);
    [order, policy] = [{ ...order, workingUntil: FAR }, undefined];
    const step = worker();
    while (now < NOW + 60_000) await step('i', SIGNAL);
    expect(looks.filter((time) => time <= 60_000)).toEqual(Array.from({ length: 60_000 / everyMs + 1 }, (_, n) => n * everyMs));
  });

  it.each([
    [1, [0, 12_000, 24_000, 36_000]],
    [2, [0, 24_000, 48_000]],
    [5, [0, 60_000]],
  ])('where its venue lists orders, within what is left beside the lists, over one step and the next: %i rest', async (count, times) => {
    listed();
    resting(count);
    [order, policy] = [{ ...order, workingUntil: FAR }, undefined];
    const step = worker();
    while (now < NOW + 60_000) await step('i', SIGNAL);
    expect(looks.filter((time) => time <= 60_000).slice(0, times.length)).toEqual(times);
  });

  it('there all the same when its time is over, and where no entry is allowed any more', async () => {
    listed();
    resting(5);
    policy = undefined;
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [] } });
    expect(looks.slice(0, 2)).toEqual([0, WORK_MS]);

    [looks, isCanceled] = [[], false];
    order = { ...order, status: 'accepted', workingUntil: FAR, isFinal: false, venueStatus: null };
    const began = now;
    paused = () => (withdrawn = now - began < 6_000 ? undefined : 'main is in mode paused');
    expect(await tend()).toMatchObject({ order: { status: 'canceled', failures: [{ code: 'ORDER_ENTRY_WITHDRAWN' }] } });
    expect(now - began).toBe(6_000);
  });

  it('there no more once the watch of its account has booked how it ended', async () => {
    listed();
    resting(1);
    [order, policy] = [{ ...order, workingUntil: FAR }, undefined];
    paused = () => (order = { ...order, status: 'filled', isFinal: true });
    expect(await tend()).toMatchObject({ order: { status: 'filled' } });
    expect([looks, now]).toEqual([[0], NOW + 2_000]);
  });

  it('at once where it is not known to rest, as what is to fill at once', async () => {
    listed();
    resting(5);
    [order, policy] = [{ ...order, timeInForce: 'IOC', workingUntil: null }, undefined];
    await tend();
    expect(looks.slice(0, 3)).toEqual([0, 2_000, 4_000]);
  });

  it('not while what the venue allows is used but for what a kill may need', async () => {
    [order, policy] = [{ ...order, workingUntil: NOW + 20_000 }, undefined];
    weight = { kind: 'used', used: 80, limit: 100 };
    expect(await tend()).toMatchObject({ order: { status: 'canceled' } });
    expect(looks.slice(0, 2)).toEqual([0, 20_000]);
  });
});
