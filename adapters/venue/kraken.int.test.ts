import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OrderRequest, StreamEvent, Venue, VenueFill } from '../../activities/ports/venue.js';
import { KeelsonError } from '../../core/errors.js';
import { decimal as decimalOf, decimalTextOf } from '../../core/money/index.js';
import { Closure, WeightMeter } from '../../core/venue/weight.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { createVenue } from './create-venue.js';
import { KRAKEN } from './profiles/kraken.js';
import { PRIVATE_ROUTES, PUBLIC_ROUTES } from '../../test/support/kraken-stub/replies.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../test/support/kraken-stub/server.js';
import { eventually } from '../../test/support/eventually.js';

const INSTRUMENT = 'BTC/USD';
const AMPLE = { weight: { limit: 1_000_000, windowMs: 1_000 } };
let stub: KrakenStub;
let venue: Venue;
let meter: WeightMeter;

/** The accounts of one address. */
const opened = (account: string, meter: WeightMeter, closure = new Closure()) =>
  createVenue({
    ...{ name: 'desk', account, meter, closure },
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, pollMs: 20, rateBudget: AMPLE },
    urls: stub.urls,
    apiKey: STUB_KEY,
    secret: STUB_SECRET,
    clock: Date.now,
    readLimitMs: 2_000,
  });

beforeEach(async () => {
  stub = await krakenStub();
  meter = new WeightMeter(AMPLE.weight);
  venue = await opened('main', meter);
});
afterEach(async () => {
  await venue.close();
  await stub.close();
});

const order = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  ...{ clientOrderId: randomBytes(16).toString('hex'), instrument: INSTRUMENT, side: 'buy', type: 'limit' },
  ...{ postOnly: false, timeInForce: 'GTC', quantity: decimalTextOf('0.02'), price: decimalTextOf('45000.1') },
  ...{ signedTimestamp: Date.now(), receiveWindowMs: 2_000, ...more },
});
const stop = (more: Partial<OrderRequest> = {}): OrderRequest =>
  order({ side: 'sell', type: 'stopLimit', stopPrice: decimalTextOf('47000.5'), price: decimalTextOf('46900.5'), ...more });
const submit = (request: OrderRequest) => venue.sender.submit(request, 2_000);
const lookUp = ({ clientOrderId }: OrderRequest) => venue.reader.lookUp(INSTRUMENT, clientOrderId);
const calls = (name: string) => stub.arrived.filter(({ call }) => call === name);

describe('the stub', () => {
  it('cites the page of the documentation beside each answer', () => {
    const routes = Object.values({ ...PUBLIC_ROUTES, ...PRIVATE_ROUTES });
    expect(routes).toHaveLength(15);
    for (const { doc } of routes) expect(doc).toMatch(/^https:\/\/docs\.kraken\.com\/api-reference\/[a-z-]+\/[a-z-]+$/);
  });
});

describe('P6: what leaves is what was fixed before the send', () => {
  const FIXED = { signedTimestamp: 1_795_000_000_777, receiveWindowMs: 1_234, clientOrderId: 'ab'.repeat(16) };
  const common = { pair: 'XXBTZUSD', volume: '0.02', cl_ord_id: 'ab'.repeat(16), deadline: '2026-11-18T11:06:42.011Z' };

  it.each<readonly [string, OrderRequest, object]>([
    [
      'a limit',
      order({ ...FIXED, timeInForce: 'IOC' }),
      { type: 'buy', ordertype: 'limit', price: '45000.1', timeinforce: 'IOC', oflags: 'fciq' },
    ],
    [
      'a post-only limit',
      order({ ...FIXED, postOnly: true }),
      { type: 'buy', ordertype: 'limit', price: '45000.1', timeinforce: 'GTC', oflags: 'fciq,post' },
    ],
    [
      'a stop with a limit',
      stop(FIXED),
      { type: 'sell', ordertype: 'stop-loss-limit', price: '47000.5', price2: '46900.5', timeinforce: 'GTC', oflags: 'fciq' },
    ],
    [
      'a stop at the market',
      stop({ ...FIXED, type: 'stopMarket' }),
      { type: 'sell', ordertype: 'stop-loss', price: '47000.5', oflags: 'fciq' },
    ],
  ])('%s', async (_, request, expected) => {
    await submit(request);
    const { nonce, ...sent } = Object.fromEntries(calls('AddOrder')[0]?.params ?? []);
    expect(Number(nonce)).toBeGreaterThan(Date.now() * 1_000 - 60_000_000);
    expect(sent).toEqual({ ...common, ...expected });
  });
});

describe('P8, P10: one send, and what its answer proves', () => {
  const said = (...error: string[]) => stub.answerNext('AddOrder', { error });
  it.each<readonly [string, string, string]>([
    ['EOrder:Insufficient funds', 'rejected', 'VENUE_INSUFFICIENT_FUNDS'],
    ['EOrder:Order minimum not met', 'rejected', 'VENUE_REJECTED'],
    ['EOrder:Post only order', 'rejected', 'VENUE_REJECTED'],
    ['EGeneral:Invalid arguments:price', 'rejected', 'VENUE_REJECTED'],
    ['EAPI:Invalid nonce', 'rejected', 'VENUE_REJECTED'],
    ['EService:Market in cancel_only mode', 'rejected', 'VENUE_REJECTED'],
    ['EAPI:Invalid key', 'rejected', 'VENUE_AUTH'],
    ['EGeneral:Permission denied', 'rejected', 'VENUE_AUTH'],
    ['EAPI:Rate limit exceeded', 'rejected', 'VENUE_RATE_LIMITED'],
    ['EOrder:Rate limit exceeded', 'rejected', 'VENUE_RATE_LIMITED'],
    ['EService: Throttled: 1795000000', 'rejected', 'VENUE_RATE_LIMITED'],
    ['EGeneral:Temporary lockout', 'rejected', 'VENUE_RATE_LIMITED'],
    ['EGeneral:Invalid arguments:cl_ord_id', 'alreadyExists', 'VENUE_OUTCOME_UNKNOWN'],
    ['EService:Unavailable', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['EService:Busy', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['EService:Timeout', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['EService:Deadline elapsed', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['EGeneral:Internal error:QX42', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['EOrder:A word of tomorrow', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
    ['WGeneral:Danger', 'unknown', 'VENUE_OUTCOME_UNKNOWN'],
  ])('%s is %s', async (error, kind, code) => {
    said(error);
    const verdict = await submit(order());
    expect(verdict).toMatchObject({ kind, failure: { code, values: { venue: 'desk' } } });
    expect(verdict.kind !== 'accepted' && verdict.failure.values['detail']).toContain(error);
    expect(calls('AddOrder')).toHaveLength(1);
  });

  it.each([
    ['EAPI:Invalid nonce', 'tooLate'],
    ['EOrder:Post only order', 'postOnlyWouldTake'],
    ['EOrder:Invalid price', undefined],
  ])('%s has the reason %s', async (error, reason) => {
    said(error);
    const verdict = await submit(order());
    expect(verdict.kind === 'rejected' && verdict.reason).toBe(reason);
  });

  it('P5: a window of two seconds that the venue calls too short is a proven refusal: nothing is there, and nothing is unknown', async () => {
    expect(KRAKEN.receiveWindowMs).toBeLessThanOrEqual(PROTOCOL.receiveWindowMaxMs);
    stub.leastDeadlineMs = 2_000;
    const request = order({ signedTimestamp: Date.now() - 1, receiveWindowMs: KRAKEN.receiveWindowMs });
    expect(await submit(request)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_REJECTED' } });
    expect(calls('AddOrder')).toHaveLength(1);
    expect(await lookUp(request)).toMatchObject({ kind: 'absent' });
  });

  it.each<readonly [string, Parameters<KrakenStub['answerNext']>[1]]>([
    ['two errors at once', { error: ['EOrder:Insufficient funds', 'EService:Unavailable'] }],
    ['a refusal with status 503', { status: 503, body: '{"error":["EOrder:Insufficient funds"]}' }],
    ['a page of HTML', { status: 200, body: '<html>' }],
    ['an empty object', { status: 200, body: '{}' }],
    ['a result without an id', { result: { descr: {} } }],
    ['a result with two ids', { result: { descr: {}, txid: ['O1', 'O2'] } }],
    ['status 520', { status: 520, body: 'origin error' }],
  ])('%s is unknown', async (_, reply) => {
    stub.answerNext('AddOrder', reply);
    expect(await submit(order())).toMatchObject({ kind: 'unknown' });
    expect(calls('AddOrder')).toHaveLength(1);
  });
});

it('P16: the fills of the account are one listing, whatever the instruments', async () => {
  const request = order({ price: decimalTextOf('50100.0'), timeInForce: 'IOC' });
  expect(await submit(request)).toMatchObject({ kind: 'accepted' });
  const all = await venue.reader.fills(undefined, Date.now() - 60_000);
  expect(all.map((fill) => fill.instrument)).toEqual([INSTRUMENT, INSTRUMENT]);
  expect(await venue.reader.fills('ETH/USD', Date.now() - 60_000)).toEqual([]);
  expect(calls('TradesHistory')).toHaveLength(2);
});

it.each<readonly [string, readonly string[] | undefined, boolean | undefined]>([
  ['trades', ['query-funds', 'modify-trades'], false],
  ['withdraws, too', ['query-funds', 'withdraw-funds'], true],
  ['is not told of', undefined, undefined],
])('a key that %s', async (_, permissions, canWithdraw) => {
  stub.permissions = permissions;
  expect(await venue.reader.keyPermissions()).toEqual({ canTrade: undefined, canWithdraw });
});

describe('failures of reads', () => {
  it.each<readonly [string, Parameters<KrakenStub['answerNext']>[1], string]>([
    ['a lockout', { error: ['EGeneral:Temporary lockout'] }, 'VENUE_RATE_LIMITED'],
    ['a refused key', { error: ['EGeneral:Permission denied'] }, 'VENUE_AUTH'],
    ['a nonce that came too late', { error: ['EAPI:Invalid nonce'] }, 'VENUE_UNAVAILABLE'],
    ['an outage', { error: ['EService:Unavailable'] }, 'VENUE_UNAVAILABLE'],
    ['status 502', { status: 502, body: '<html>' }, 'VENUE_UNAVAILABLE'],
    ['a number where text must be', { result: { ZUSD: { balance: 1.5, hold_trade: 0 } } }, 'VENUE_UNAVAILABLE'],
  ])('%s', async (_, reply, code) => {
    stub.answerNext('BalanceEx', reply);
    // By its name in the configuration: there may be several that speak this wire.
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code, values: { venue: 'desk' } } });
  });

  it('a cancel that is refused for another reason than that the order is unknown is not done', async () => {
    const request = order();
    await submit(request);
    stub.answerNext('CancelOrder', { error: ['EService:Unavailable'] });
    await expect(venue.reader.cancel(INSTRUMENT, request.clientOrderId)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    stub.answerNext('CancelOrder', { result: { count: 0 } });
    await expect(venue.reader.cancel(INSTRUMENT, request.clientOrderId)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    expect(await venue.reader.cancel(INSTRUMENT, request.clientOrderId)).toBe('canceled');
  });
});

describe('a venue that sends us away with status 200', () => {
  it.each<readonly [string, number, number]>([
    ['EGeneral:Temporary lockout', 50_000, 60_000],
    ['EGeneral:Too many requests', 50_000, 60_000],
    // Until a second that it names, and never for longer than anybody may be needed.
    [`EService: Throttled: ${Math.floor(Date.now() / 1_000) + 120}`, 60_001, 120_000],
    ['EService: Throttled: 9999999999', 290_000, 300_000],
  ])('%s: nobody asks it, and no order is offered to it, before that is over', async (error, least, most) => {
    stub.answerNext('BalanceEx', { error: [error] });
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    const weight = venue.weight();
    expect(weight.kind).toBe('closed');
    expect(weight.kind === 'closed' && weight.forMs).toBeGreaterThan(least);
    expect(weight.kind === 'closed' && weight.forMs).toBeLessThanOrEqual(most);
    await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(await submit(order())).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_RATE_LIMITED' } });
    expect([calls('BalanceEx'), calls('AddOrder')].map(({ length }) => length)).toEqual([1, 0]);
  });

  it.each([
    ['EGeneral:Temporary lockout', 'untold'],
    ['EService: Throttled: 9999999999', 'untold'],
    // The venue counts what needs no key by address.
    ['EGeneral:Too many requests', 'closed'],
  ])('%s, said to one account, leaves another one at the same address %s', async (error, kind) => {
    // The stub knows one key only, so both number their requests in the same row.
    stub.nonceWindow = 10_000_000;
    const other = await opened('second', meter);
    try {
      stub.answerNext('BalanceEx', { error: [error] });
      await expect(venue.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
      expect([venue.weight().kind, other.weight().kind]).toEqual(['closed', kind]);
      const sent = await other.sender.submit(stop(), 2_000);
      expect(sent.kind).toBe(kind === 'closed' ? 'rejected' : 'accepted');
      expect(calls('AddOrder')).toHaveLength(kind === 'closed' ? 0 : 1);
    } finally {
      await other.close();
    }
  });

  it('the next opening of an account that was locked out asks nothing before that is over', async () => {
    const closure = new Closure();
    const main = await opened('main', meter, closure);
    stub.answerNext('BalanceEx', { error: ['EGeneral:Temporary lockout'] });
    await expect(main.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    await main.close();
    await venue.close();
    const before = stub.arrived.length;
    await expect(opened('main', meter, closure)).rejects.toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(stub.arrived).toHaveLength(before);
  });

  it('an order that is answered so closes the door as well; a counter that is full does not', async () => {
    stub.answerNext('AddOrder', { error: ['EAPI:Rate limit exceeded'] });
    expect(await submit(order())).toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(venue.weight().kind).toBe('untold');
    stub.answerNext('AddOrder', { error: ['EGeneral:Temporary lockout'] });
    expect(await submit(order())).toMatchObject({ failure: { code: 'VENUE_RATE_LIMITED' } });
    expect(venue.weight().kind).toBe('closed');
  });
});

describe('numbers of requests', () => {
  it('never repeat, over both clients at once, and grow', async () => {
    stub.nonceWindow = 10_000_000;
    const orders = Array.from({ length: 10 }, () => submit(order({ quantity: decimalTextOf('0.001') })));
    const reads = Array.from({ length: 10 }, () => venue.reader.balances());
    expect((await Promise.all(orders)).map(({ kind }) => kind)).toEqual(orders.map(() => 'accepted'));
    await Promise.all(reads);
    const nonces = stub.arrived.flatMap(({ params }) => (params.has('nonce') ? [Number(params.get('nonce'))] : []));
    expect(nonces.length).toBeGreaterThanOrEqual(20);
    expect(new Set(nonces).size).toBe(nonces.length);
  });
});

describe('P11: listing and matching', () => {
  it('absent: both lists, the clock, and both lists again', async () => {
    const before = stub.arrived.length;
    expect(await lookUp(order())).toMatchObject({ kind: 'absent' });
    expect(stub.arrived.slice(before).map(({ call }) => call)).toEqual([
      'OpenOrders',
      'ClosedOrders',
      'Time',
      'OpenOrders',
      'ClosedOrders',
    ]);
  });

  it('an order behind pages of others is found where the venue does not heed the filter, and another is absent', async () => {
    const wanted = order({ timeInForce: 'IOC' });
    await submit(wanted);
    for (let count = 0; count < 120; count++) await submit(order({ timeInForce: 'IOC' }));
    stub.heedsFilters = false;
    expect(await lookUp(wanted)).toMatchObject({ kind: 'found', order: { clientOrderId: wanted.clientOrderId } });
    expect(await lookUp(order())).toMatchObject({ kind: 'absent' });
  });

  it.each<readonly [string, string, Parameters<KrakenStub['answerNext']>[1]]>([
    ['a list that ends before its count', 'ClosedOrders', { result: { closed: {}, count: 7 } }],
    ['an answer without a list', 'ClosedOrders', { result: {} }],
    ['open orders that cannot be read', 'OpenOrders', { error: ['EService:Unavailable'] }],
    ['a clock that cannot be read', 'Time', { error: ['EService:Unavailable'] }],
  ])('%s is never absence', async (_, call, reply) => {
    stub.answerNext(call, reply);
    await expect(lookUp(order())).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
  });

  it('two orders with one id are never taken for one', async () => {
    const request = order({ timeInForce: 'IOC' });
    await submit(request);
    await submit(request);
    await expect(lookUp(request)).rejects.toMatchObject({
      failure: { values: { detail: expect.stringContaining('two orders') as string } },
    });
  });

  it('an order placed by hand goes by the id of the venue', async () => {
    const placed = stub.account.place({ ...HAND, clientOrderId: undefined });
    const txid = typeof placed === 'string' ? placed : placed.txid;
    expect(await venue.reader.openOrders()).toMatchObject([{ venueOrderId: txid, clientOrderId: txid, instrument: INSTRUMENT }]);
    expect(await venue.reader.lookUp(INSTRUMENT, txid)).toMatchObject({ kind: 'found', order: { status: 'accepted' } });
    expect(await venue.reader.lookUpByNumber(INSTRUMENT, txid)).toMatchObject({ venueOrderId: txid, status: 'accepted' });
    expect(await venue.reader.lookUpByNumber(INSTRUMENT, 'no number of theirs')).toBeUndefined();
    expect(await venue.reader.cancel(INSTRUMENT, txid)).toBe('canceled');
    expect(await venue.reader.openOrders()).toEqual([]);
  });
});

describe('fees of trades by hand', () => {
  const trade = async (oflags: string): Promise<VenueFill> => {
    const placed = stub.account.place({ ...HAND, price: decimalOf('51000'), volume: decimalOf('0.004'), oflags, clientOrderId: undefined });
    if (typeof placed === 'string') throw new Error(placed);
    const [fill] = (await venue.reader.fills(undefined, 0)).filter(({ venueOrderId }) => venueOrderId === placed.txid);
    if (fill === undefined) throw new Error('the trade is not listed');
    return fill;
  };

  it('are assumed in the quote asset by the list, and told by the ledger of the venue', async () => {
    const inBase = await trade('fcib');
    expect(inBase).toMatchObject({ isFeeAssumed: true, feeAsset: 'USD', fee: '0.52' });
    expect(await venue.reader.paidFee(inBase)).toEqual({ fee: '0.0000104', feeAsset: 'BTC' });
    const inQuote = await trade('fciq');
    expect(await venue.reader.paidFee(inQuote)).toEqual({ fee: '0.52000104', feeAsset: 'USD' });
    const { isFeeAssumed: _, ...told } = inBase;
    const before = calls('Ledgers').length;
    expect([await venue.reader.paidFee(told), calls('Ledgers').length]).toEqual([undefined, before]);
  });

  it('are not known while the ledger does not show both sides of the trade, and where the key may not read it', async () => {
    const fill = await trade('fcib');
    stub.answerNext('Ledgers', { result: { ledger: {}, count: 0 } });
    expect(await venue.reader.paidFee(fill)).toBeUndefined();
    stub.answerNext('Ledgers', { error: ['EGeneral:Permission denied'] });
    await expect(venue.reader.paidFee(fill)).rejects.toBeInstanceOf(KeelsonError);
    expect(await venue.reader.paidFee(fill)).toMatchObject({ feeAsset: 'BTC' });
  });
});

describe('P16: more than a thousand trades between two looks', () => {
  const trade = (count: number): void => {
    for (let traded = 0; traded < count; traded += 150) {
      const side = traded % 300 === 0 ? 'sell' : 'buy';
      const price = decimalOf(side === 'sell' ? '49000' : '51000');
      const placed = stub.account.place({ ...HAND, side, price, volume: decimalOf('1.5'), clientOrderId: undefined });
      if (typeof placed === 'string') throw new Error(placed);
    }
  };
  const ids = (fills: readonly { readonly venueTradeId: string }[]): readonly string[] => fills.map(({ venueTradeId }) => venueTradeId);
  const all = (): readonly string[] => stub.account.trades.map(({ id }) => id);

  it('are all told, each once, with those that come while the list is read', async () => {
    trade(1_200);
    const before = all();
    const reading = venue.reader.fills(undefined, 0);
    await eventually(() => expect(calls('TradesHistory').length).toBeGreaterThan(3));
    trade(150);
    const told = ids(await reading);
    expect(new Set(told).size).toBe(told.length);
    expect(before.filter((id) => !told.includes(id))).toEqual([]);
    expect(all().filter((id) => !told.includes(id))).toEqual([]);
  });

  it('whoever asks while they are read gets the same list, without reading it twice', async () => {
    trade(1_200);
    const first = venue.reader.fills(undefined, 0);
    await eventually(() => expect(calls('TradesHistory').length).toBeGreaterThan(0));
    const second = venue.reader.fills(undefined, 1_000);
    await first;
    expect(ids(await second).toSorted()).toEqual(all().toSorted());
    expect(calls('TradesHistory').length).toBeLessThan(40);
    expect(ids(await venue.reader.fills(undefined, 0)).toSorted()).toEqual(all().toSorted());
  });

  it('a reading that breaks off in the middle goes on where it stands, with what has come meanwhile, and the minute’s look takes nothing from it', async () => {
    trade(1_200);
    const dayAgo = Date.now() - 86_400_000;
    const pages = calls('TradesHistory').length;
    stub.answerNext('TradesHistory', { error: ['EService:Unavailable'] }, 17);
    await expect(venue.reader.fills(undefined, dayAgo)).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE' } });
    expect(calls('TradesHistory').length - pages).toBe(18);
    trade(150);
    // The minute's look, and an hour's, begin later: lists of their own.
    for (const ageMs of [600_000, 7_200_000])
      await expect(venue.reader.fills(undefined, Date.now() - ageMs)).resolves.toHaveLength(all().length);
    const before = calls('TradesHistory').length;
    expect(ids(await venue.reader.fills(undefined, dayAgo + 60_000)).toSorted()).toEqual(all().toSorted());
    // Seventeen pages are not read again: the front with what is new, the rest, and the front once more.
    expect(calls('TradesHistory').length - before).toBeLessThan(18);
  });

  it('a reading that nobody waits for any more is there for the next try, with what came since, and is read anew some minutes later', async () => {
    trade(1_200);
    const dayAgo = Date.now() - 86_400_000;
    // As an activity that has run out of its time: nobody hears the answer.
    await venue.reader.fills(undefined, dayAgo);
    trade(150);
    const before = calls('TradesHistory').length;
    expect(ids(await venue.reader.fills(undefined, dayAgo + 60_000)).toSorted()).toEqual(all().toSorted());
    expect(calls('TradesHistory').length - before).toBeLessThan(6);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 360_000 });
    try {
      const later = calls('TradesHistory').length;
      expect(ids(await venue.reader.fills(undefined, dayAgo + 360_000)).toSorted()).toEqual(all().toSorted());
      expect(calls('TradesHistory').length - later).toBeGreaterThan(24);
    } finally {
      vi.useRealTimers();
    }
  });

  it('three thousand are read, too', async () => {
    trade(3_000);
    expect(ids(await venue.reader.fills(undefined, 0)).toSorted()).toEqual(all().toSorted());
  });
});

describe('the clock in whole seconds', () => {
  it('is known to within half of one', async () => {
    stub.aheadMs = 30_000;
    await venue.reader.clock();
    const { skewMs, roundTripMs } = await venue.reader.clock();
    expect(Math.abs(skewMs - 30_000)).toBeLessThanOrEqual(500 + roundTripMs / 2 + 1);
  });
});

describe('what is polled', () => {
  it('a stop that wakes, its fills, and its end are told in order, each once', async () => {
    const events: StreamEvent[] = [];
    const ended = new AbortController();
    const watching = venue.streams.watchAccount((event) => void events.push(event), ended.signal);
    await eventually(() => expect(events).toMatchObject([{ kind: 'gap' }]));
    const request = stop({ quantity: decimalTextOf('0.025') });
    expect(await submit(request)).toMatchObject({ kind: 'accepted', order: { isTriggered: false } });
    await eventually(() => expect(events.at(-1)).toMatchObject({ kind: 'order', order: { status: 'accepted', isTriggered: false } }));
    stub.account.moveTo('47000');
    await eventually(() => expect(events.at(-1)).toMatchObject({ kind: 'order', order: { status: 'filled', isTriggered: true } }));
    expect(events.slice(2).map((event) => (event.kind === 'fill' ? event.fill.quantity : event.kind))).toEqual([
      '0.01',
      '0.01',
      '0.005',
      'order',
    ]);
    ended.abort();
    await watching;
  });

  it('a resting order that fills in parts is told part by part', async () => {
    const events: StreamEvent[] = [];
    const ended = new AbortController();
    const watching = venue.streams.watchAccount((event) => void events.push(event), ended.signal);
    await submit(order({ quantity: decimalTextOf('0.02') }));
    const [resting] = stub.account.orders;
    if (resting === undefined) throw new Error('nothing rests');
    for (const part of ['0.005', '0.015']) {
      stub.account.fillPart(resting, part);
      await eventually(() => expect(events.flatMap((event) => (event.kind === 'fill' ? [event.fill.quantity] : []))).toContain(part));
    }
    await eventually(() => expect(events.at(-1)).toMatchObject({ kind: 'order', order: { status: 'filled' } }));
    const fills = events.flatMap((event) => (event.kind === 'fill' ? [event.fill] : []));
    expect(fills).toMatchObject([{ feeAsset: 'USD', liquiditySide: 'maker', side: 'buy', price: '45000.1' }, { quantity: '0.015' }]);
    ended.abort();
    await watching;
  });

  it('bars have the lengths of the venue only, and watching ends with its signal', async () => {
    const ended = new AbortController();
    const none = { onBar: () => undefined, onPrice: () => undefined, onGap: () => undefined };
    const watching = venue.streams.watchBars({ instruments: [INSTRUMENT], intervalMs: 60_000 }, none, ended.signal);
    ended.abort();
    await watching;
    await expect(venue.streams.watchBars({ instruments: [INSTRUMENT], intervalMs: 1_000 }, none, ended.signal)).rejects.toThrow(RangeError);
  });
});

const HAND = {
  ...({ side: 'buy', ordertype: 'limit', timeinforce: 'GTC', oflags: 'fciq' } as const),
  ...{ price: decimalOf('40000'), price2: decimalOf('0'), volume: decimalOf('0.01') },
};
