import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BarEvent, OrderRequest, StreamEvent, Venue, VenueFill } from '../../activities/ports/venue.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import { floorToStep } from '../../core/money/step.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { cuttingProxy } from '../../test/support/cutting-proxy.js';
import { createVenue, type VenueOptions } from './create-venue.js';
import { WeightMeter, type VenueWeight } from '../../core/venue/weight.js';
import { BINANCE, paper } from './profiles/binance.js';
import type { VenueAddresses } from './profiles/wire-profile.js';
import { eventually } from '../../test/support/eventually.js';

const PROGRAM = fileURLToPath(new URL('../../dist/exchange/main.js', import.meta.url));
const INSTRUMENTS = ['SPX/USDT', 'BTC/USDT', 'ETH/USDT'];

let server: ChildProcess;
let urls: VenueAddresses & { readonly admin: string };
let venue: Venue;
let rules: ReadonlyMap<string, InstrumentRules>;
let prices: Map<string, DecimalText>;
const stop = new AbortController();
const account: StreamEvent[] = [];
const bars: BarEvent[] = [];
const gaps: string[] = [];
let ids = 0;

beforeAll(async () => {
  server = spawn(process.execPath, [PROGRAM, '--json', '--exit-with-stdin', '--account', 'main:key:secret:USDT=100000,BTC=1'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  urls = JSON.parse(line) as typeof urls;
  venue = await create('key', 'secret');
  rules = new Map((await venue.reader.instruments()).map((rule) => [rule.instrument, rule]));
  prices = new Map();
  void venue.streams.watchAccount((event) => void account.push(event), stop.signal);
  void venue.streams.watchBars(
    { instruments: INSTRUMENTS, intervalMs: 1_000 },
    {
      onBar: (event) => void bars.push(event),
      onPrice: (instrument, price) => void prices.set(instrument, price),
      onGap: (reason) => void gaps.push(reason),
    },
    stop.signal,
  );
  await eventually(() => {
    if (prices.size < INSTRUMENTS.length || account.length < 1) throw new Error('the streams have told nothing yet');
  });
}, 60_000);

afterAll(async () => {
  stop.abort();
  await venue?.close();
  server?.stdin?.end();
  if (server?.exitCode === null) await once(server, 'exit');
});

const create = (apiKey: string, secret: string, more: Partial<VenueOptions> = {}): Promise<Venue> =>
  createVenue({
    profile: paper(),
    urls: { rest: urls.rest, stream: urls.stream, wsApi: urls.wsApi },
    apiKey,
    secret,
    clock: Date.now,
    instruments: INSTRUMENTS,
    ...more,
  });

/** An order on tick and step, at `factor` times the last price, worth about `notional`. */
async function request(instrument: string, side: 'buy' | 'sell', factor: string, more: Partial<OrderRequest> = {}): Promise<OrderRequest> {
  const rule = rules.get(instrument);
  if (rule === undefined) throw new Error(`${instrument} is not listed`);
  const price = floorToStep(decimal(prices.get(instrument) ?? '').mul(decimal(factor)), decimal(rule.tickSize));
  const { venueTime } = await venue.reader.clock();
  return {
    clientOrderId: `kel-${++ids}`,
    instrument,
    side,
    type: 'limit',
    postOnly: false,
    timeInForce: 'IOC',
    quantity: text(floorToStep(decimal('500').div(price), decimal(rule.stepSize))),
    price: text(price),
    signedTimestamp: venueTime,
    receiveWindowMs: 2_000,
    ...more,
  };
}

const used = (weight: VenueWeight): number => (weight.kind === 'used' ? weight.used : Number.NaN);

describe('against the paper venue, as a process of its own', () => {
  it('tells what our address has used of what the venue allows, whichever connection used it', async () => {
    const before = venue.weight();
    expect(before).toMatchObject({ kind: 'used', limit: 600_000 });
    const other = await create('key', 'secret');
    const meter = new WeightMeter(BINANCE.rateBudget.weight);
    // Two minutes may meet here; in one of them the second reading comes after the first.
    await eventually(async () => {
      meter.see(used(venue.weight()), Date.now());
      await other.reader.openOrders('BTC/USDT');
      await venue.reader.clock();
      expect(used(venue.weight())).toBeGreaterThan(used(meter.at(Date.now())));
    });
    await other.close();
  });

  it('notes nothing of a window that is to come where our own clock was set ahead', async () => {
    let aheadMs = 0;
    const meter = new WeightMeter(BINANCE.rateBudget.weight);
    const other = await create('key', 'secret', { clock: () => Date.now() + aheadMs, meter, keepWarmMs: 3_600_000 });
    aheadMs = 60_000;
    await other.reader.bars('BTC/USDT', 60_000, Date.now() - 600_000, 5);
    expect(used(meter.at(Date.now() + aheadMs))).toBe(0);
    await other.close();
  });

  it('tells what a key may do, and of another that it may withdraw', async () => {
    expect(await venue.reader.keyPermissions()).toEqual({ canTrade: true, canWithdraw: false });
    const withdrawing = { name: 'rich', key: 'rich-key', secret: 'rich-secret', permissions: ['read', 'withdraw'] };
    const opened = await fetch(new URL('/accounts', urls.admin), { method: 'POST', body: JSON.stringify(withdrawing) });
    expect(opened.status).toBe(200);
    const other = await create('rich-key', 'rich-secret');
    expect(await other.reader.keyPermissions()).toEqual({ canTrade: false, canWithdraw: true });
    await other.close();
  });

  it.each(INSTRUMENTS)('a marketable order in %s fills, and reply, look-up, list and stream tell the same', async (instrument) => {
    const order = await request(instrument, 'buy', '1.02');
    const verdict = await venue.sender.submit(order, 2_500);
    if (verdict.kind !== 'accepted') throw new Error(JSON.stringify(verdict));
    expect(verdict.order).toMatchObject({
      clientOrderId: order.clientOrderId,
      instrument,
      side: 'buy',
      status: 'filled',
      quantity: order.quantity,
      price: order.price,
    });
    const filled = verdict.fills.reduce((sum, fill) => sum.add(decimal(fill.quantity)), decimal('0'));
    expect(text(filled)).toBe(order.quantity);

    const found = await venue.reader.lookUp(instrument, order.clientOrderId);
    expect(found).toMatchObject({ kind: 'found', order: { ...verdict.order, createdTime: expect.any(Number) as number } });

    const { venueOrderId } = verdict.order;
    expect(await venue.reader.lookUpByNumber(instrument, venueOrderId)).toMatchObject({ venueOrderId, clientOrderId: order.clientOrderId });
    expect(await venue.reader.lookUpByNumber(instrument, '999999999')).toBeUndefined();
    const listed = await venue.reader.fillsOfOrder(instrument, venueOrderId);
    expect(listed.map(essence)).toEqual(verdict.fills.map(essence));
    const all = await venue.reader.fills(instrument, order.signedTimestamp - 1_000);
    expect(all.filter((fill) => fill.venueOrderId === venueOrderId).map(essence)).toEqual(verdict.fills.map(essence));
    await eventually(() => expect(streamed(venueOrderId).map(essence)).toEqual(verdict.fills.map(essence)));
  });

  it('a resting order is open until it is canceled, and a second cancel does not find it', async () => {
    const order = await request('BTC/USDT', 'buy', '0.9', { timeInForce: 'GTC' });
    const verdict = await venue.sender.submit(order, 2_500);
    expect(verdict).toMatchObject({ kind: 'accepted', order: { status: 'accepted', executedQuantity: '0' }, fills: [] });
    expect((await venue.reader.openOrders('BTC/USDT')).map((open) => open.clientOrderId)).toEqual([order.clientOrderId]);
    expect(await venue.sender.submit({ ...order, signedTimestamp: order.signedTimestamp + 1 }, 2_500)).toMatchObject({
      kind: 'alreadyExists',
    });
    const balances = new Map((await venue.reader.balances()).map((balance) => [balance.asset, balance]));
    expect(balances.get('USDT')?.locked).not.toBe('0');
    expect(await venue.reader.cancel('BTC/USDT', order.clientOrderId)).toBe('canceled');
    expect(await venue.reader.cancel('BTC/USDT', order.clientOrderId)).toBe('unknownOrder');
    expect(await venue.reader.openOrders()).toEqual([]);
    expect(await venue.reader.lookUp('BTC/USDT', order.clientOrderId)).toMatchObject({ kind: 'found', order: { status: 'canceled' } });
    await eventually(() => expect(statuses(order.clientOrderId)).toEqual(['accepted', 'canceled']));
  });

  it('an immediate order that nothing answers expires, and one that must fill whole likewise', async () => {
    for (const timeInForce of ['IOC', 'FOK'] as const) {
      const verdict = await venue.sender.submit(await request('BTC/USDT', 'buy', '0.9', { timeInForce }), 2_500);
      expect(verdict).toMatchObject({ kind: 'accepted', order: { status: 'expired', executedQuantity: '0' }, fills: [] });
    }
  });

  it('P6: a request that arrives after its window is refused by the venue itself, and was never placed', async () => {
    const order = await request('BTC/USDT', 'buy', '1.02');
    const late = { ...order, signedTimestamp: order.signedTimestamp - 3_000 };
    expect(await venue.sender.submit(late, 2_500)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_REJECTED' } });
    expect(await venue.reader.lookUp('BTC/USDT', order.clientOrderId)).toMatchObject({ kind: 'absent' });
  });

  it('P10, P11: an order whose reply is lost is unknown, is there once, and is found with its fills', async () => {
    const lossy = await cuttingProxy(Number(new URL(urls.rest).port));
    const through = await createVenue({
      profile: paper(),
      urls: { rest: `http://127.0.0.1:${lossy.port}`, stream: urls.stream, wsApi: urls.wsApi },
      apiKey: 'key',
      secret: 'secret',
      clock: Date.now,
    });
    const order = await request('ETH/USDT', 'buy', '1.02');
    lossy.cutNext('reply', 'POST /api/v3/order');
    expect(await through.sender.submit(order, 2_500)).toMatchObject({ kind: 'unknown', failure: { code: 'VENUE_OUTCOME_UNKNOWN' } });
    await through.close();
    await lossy.close();
    const found = await venue.reader.lookUp('ETH/USDT', order.clientOrderId);
    if (found.kind !== 'found') throw new Error('the order was lost');
    expect(found.order).toMatchObject({ status: 'filled', executedQuantity: order.quantity });
    const fills = await venue.reader.fillsOfOrder('ETH/USDT', found.order.venueOrderId);
    expect(text(fills.reduce((sum, fill) => sum.add(decimal(fill.quantity)), decimal('0')))).toBe(order.quantity);
    const placed = account.filter((event) => event.kind === 'order' && event.order.clientOrderId === order.clientOrderId);
    expect(new Set(placed.map((event) => event.kind === 'order' && event.order.venueOrderId))).toEqual(new Set([found.order.venueOrderId]));
  });

  it('a stop rests until it is canceled, and one whose price is reached already is refused as that', async () => {
    const last = decimal(await venue.reader.lastPrice('BTC/USDT'));
    expect(Object.keys(await venue.reader.lastPrices(INSTRUMENTS)).toSorted()).toEqual(INSTRUMENTS.toSorted());
    const tick = decimal(rules.get('BTC/USDT')?.tickSize ?? '');
    const stop = (at: string): Partial<OrderRequest> => ({
      type: 'stopLimit',
      timeInForce: 'GTC',
      stopPrice: text(floorToStep(last.mul(decimal(at)), tick)),
    });
    const resting = await request('BTC/USDT', 'sell', '0.9', stop('0.92'));
    expect(await venue.sender.submit(resting, 2_500)).toMatchObject({
      kind: 'accepted',
      order: { status: 'accepted', isTriggered: false },
    });
    expect(await venue.reader.openOrders('BTC/USDT')).toMatchObject([{ clientOrderId: resting.clientOrderId, isTriggered: false }]);
    await eventually(() => expect(statuses(resting.clientOrderId)).toEqual(['accepted']));
    expect(await venue.reader.cancel('BTC/USDT', resting.clientOrderId)).toBe('canceled');
    const reached = await request('BTC/USDT', 'sell', '0.98', stop('1.05'));
    expect(await venue.sender.submit(reached, 2_500)).toMatchObject({ kind: 'rejected', reason: 'stopWouldTrigger' });
  });

  it('refusals come back as what they are', async () => {
    const dear = await request('BTC/USDT', 'buy', '0.99', { quantity: text(decimal('5')), timeInForce: 'GTC' });
    expect(await venue.sender.submit(dear, 2_500)).toMatchObject({ kind: 'rejected', failure: { code: 'VENUE_INSUFFICIENT_FUNDS' } });
    const offStep = await request('BTC/USDT', 'buy', '0.99');
    expect(await venue.sender.submit({ ...offStep, quantity: `${offStep.quantity}0000000001` as DecimalText }, 2_500)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_REJECTED' },
    });
    const stranger = await create('key', 'wrong');
    expect(await stranger.sender.submit(await request('BTC/USDT', 'buy', '0.99'), 2_500)).toMatchObject({
      kind: 'rejected',
      failure: { code: 'VENUE_AUTH' },
    });
    await expect(stranger.reader.balances()).rejects.toMatchObject({ failure: { code: 'VENUE_AUTH' } });
    await stranger.close();
  });

  it('bars close one after another in each instrument, and are the same by REST', async () => {
    await eventually(() => expect(bars.filter((event) => event.bar.instrument === 'SPX/USDT').length).toBeGreaterThanOrEqual(4));
    expect(gaps).toEqual([]);
    for (const instrument of INSTRUMENTS) {
      const streamed = bars.filter((event) => event.bar.instrument === instrument).map((event) => event.bar);
      const first = streamed[0];
      if (first === undefined) throw new Error(`no bar of ${instrument}`);
      const read = await venue.reader.bars(instrument, 1_000, first.openTime, 1_000);
      expect(read.slice(0, streamed.length)).toEqual(streamed);
      expect(read.every((bar, index) => bar.openTime === first.openTime + index * 1_000)).toBe(true);
    }
  });
});

/** A fill without the client order id, which the venue does not repeat everywhere. */
const essence = (fill: VenueFill): object => ({ ...fill, clientOrderId: undefined });
const streamed = (venueOrderId: string): VenueFill[] =>
  account.flatMap((event) => (event.kind === 'fill' && event.fill.venueOrderId === venueOrderId ? [event.fill] : []));
const statuses = (clientOrderId: string): string[] =>
  account.flatMap((event) => (event.kind === 'order' && event.order.clientOrderId === clientOrderId ? [event.order.status] : []));
