import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { ccxtClient } from './ccxt-client.js';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

type Frame = Record<string, unknown>;

let paper: PaperVenue;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  paper = await openPaperVenue();
});

afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await paper.close();
});

interface Wire {
  readonly frames: Frame[];
  send(message: unknown): void;
  /** The reply to a request, by its id. */
  ask(id: number, method: string, params?: unknown): Promise<Frame>;
}

async function open(url: string): Promise<Wire> {
  const socket = new WebSocket(url);
  sockets.push(socket);
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
  await new Promise((resolve) => socket.once('open', resolve));
  const send = (message: unknown): void => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  return {
    frames,
    send,
    async ask(id, method, params) {
      send({ id, method, ...(params === undefined ? {} : { params }) });
      return expect
        .poll(() => frames.find((frame) => frame['id'] === id))
        .toBeDefined()
        .then(() => frames.find((frame) => frame['id'] === id) as Frame);
    },
  };
}

function signed(params: Record<string, string | number>): Record<string, string | number> {
  const all: Record<string, string | number> = { ...params, apiKey: TEST_KEY, timestamp: Date.now() };
  const payload = Object.keys(all).sort().map((name) => `${name}=${all[name]}`).join('&'); // prettier-ignore
  return { ...all, signature: createHmac('sha256', TEST_SECRET).update(payload).digest('hex') };
}

const stream = (path: string): string => paper.serving.addresses.stream.replace(/\/ws$/, path);

test('V110 streams named in the address, plain and combined', async () => {
  const plain = await open(stream('/ws/btcusdt@trade'));
  const combined = await open(stream('/stream?streams=btcusdt@bookTicker/bnbusdt@kline_1s'));
  await expect.poll(() => plain.frames[0]).toMatchObject({ e: 'trade', s: 'BTCUSDT' });
  const names = (): Set<unknown> => new Set(combined.frames.map((frame) => frame['stream']));
  await expect.poll(names).toEqual(new Set(['btcusdt@bookTicker', 'bnbusdt@kline_1s']));
});

test('V111 a bar is closed once, right after its last millisecond, and equals the one that klines return', async () => {
  const wire = await open(stream('/ws/btcusdt@kline_1s'));
  const closed = (): Frame[] => wire.frames.map((frame) => frame['k'] as Frame).filter((kline) => kline['x'] === true);
  await expect.poll(() => closed().length).toBeGreaterThan(1);
  const [first, second] = closed() as [Frame, Frame];
  expect(Number(second['t']) - Number(first['t'])).toBe(1000);
  const rows = (await paper.client['publicGetKlines']({
    symbol: 'BTCUSDT',
    interval: '1s',
    startTime: first['t'],
    limit: 1,
  })) as string[][];
  expect(rows[0]?.slice(1, 6)).toEqual([first['o'], first['h'], first['l'], first['c'], first['v']]);
});

test('V112 subscribing, listing and unsubscribing; wrong requests are refused and disturb nothing', async () => {
  const wire = await open(stream('/ws'));
  expect(await wire.ask(1, 'SUBSCRIBE', ['btcusdt@depth@100ms', 'btcusdt@depth5'])).toEqual({ id: 1, result: null });
  expect(await wire.ask(2, 'LIST_SUBSCRIPTIONS')).toEqual({ id: 2, result: ['btcusdt@depth@100ms', 'btcusdt@depth5'] });
  expect(await wire.ask(3, 'SUBSCRIBE', ['xyzusdt@trade'])).toMatchObject({ id: 3, error: { code: 2 } });
  expect(await wire.ask(4, 'DANCE')).toMatchObject({ id: 4, error: { code: 2 } });
  wire.send('no json');
  await expect.poll(() => wire.frames.some((frame) => (frame['error'] as Frame | undefined)?.['code'] === 3)).toBe(true);
  expect(await wire.ask(5, 'UNSUBSCRIBE', ['btcusdt@depth5'])).toEqual({ id: 5, result: null });
  expect(await wire.ask(6, 'LIST_SUBSCRIPTIONS')).toEqual({ id: 6, result: ['btcusdt@depth@100ms'] });
});

test('V113 a reader that follows the depth stream from a snapshot has the venue’s book', async () => {
  const wire = await open(stream('/ws/btcusdt@depth@100ms'));
  await expect.poll(() => wire.frames.length).toBeGreaterThan(1);
  const snapshot = (await paper.client['publicGetDepth']({ symbol: 'BTCUSDT', limit: 5000 })) as {
    lastUpdateId: number;
    bids: string[][];
    asks: string[][];
  };
  const sides = { b: new Map(snapshot.bids as [string, string][]), a: new Map(snapshot.asks as [string, string][]) };
  await paper.client.createOrder('BTC/USDT', 'limit', 'buy', 0.02, 49_500.5);
  await expect.poll(() => wire.frames.filter((frame) => Number(frame['U']) > snapshot.lastUpdateId).length).toBeGreaterThan(2);
  const later = (await paper.client['publicGetDepth']({ symbol: 'BTCUSDT', limit: 5000 })) as {
    lastUpdateId: number;
    bids: string[][];
    asks: string[][];
  };
  await expect.poll(() => Number(wire.frames.at(-1)?.['u'])).toBeGreaterThanOrEqual(later.lastUpdateId);
  let last = snapshot.lastUpdateId;
  for (const frame of wire.frames) {
    if (Number(frame['u']) <= snapshot.lastUpdateId || Number(frame['u']) > later.lastUpdateId) continue;
    expect(frame['U']).toBe(last + 1);
    last = Number(frame['u']);
    for (const side of ['b', 'a'] as const) {
      for (const [price, quantity] of frame[side] as [string, string][]) {
        if (Number(quantity) === 0) sides[side].delete(price);
        else sides[side].set(price, quantity);
      }
    }
  }
  expect(sides).toEqual({ b: new Map(later.bids as [string, string][]), a: new Map(later.asks as [string, string][]) });
});

test('V114 log on, subscribe, place and cancel over the WebSocket API, and read the account’s events', async () => {
  const wire = await open(paper.serving.addresses.wsApi);
  expect(await wire.ask(1, 'userDataStream.subscribe')).toMatchObject({ status: 401 });
  expect(await wire.ask(2, 'session.logon', signed({}))).toMatchObject({ status: 200, result: { apiKey: TEST_KEY } });
  expect(await wire.ask(3, 'userDataStream.subscribe')).toMatchObject({
    id: 3,
    status: 200,
    result: { subscriptionId: 0 },
    rateLimits: [{ count: 0 }],
  });
  const order = {
    symbol: 'BTCUSDT',
    side: 'BUY',
    type: 'LIMIT',
    timeInForce: 'GTC',
    quantity: '0.01',
    price: '40000',
    newClientOrderId: 'by-ws',
  };
  expect(await wire.ask(4, 'order.place', { ...order, timestamp: Date.now() })).toMatchObject({
    status: 200,
    result: { clientOrderId: 'by-ws' },
  });
  const cancel = signed({ symbol: 'BTCUSDT', origClientOrderId: 'by-ws' });
  expect(await wire.ask(5, 'order.cancel', cancel)).toMatchObject({ status: 200, result: { status: 'CANCELED' } });
  expect(await wire.ask(6, 'order.status', { ...cancel, symbol: 'BNBUSDT' })).toMatchObject({ status: 400, error: { code: -1022 } });
  const events = (): unknown[] =>
    wire.frames
      .filter((frame) => frame['subscriptionId'] === 0)
      .map((frame) => {
        const event = frame['event'] as Frame;
        return event['e'] === 'executionReport' ? event['x'] : event['e'];
      });
  await expect.poll(events).toEqual(['NEW', 'outboundAccountPosition', 'CANCELED', 'outboundAccountPosition']);
});

test('V115 a listen key carries raw events until it is closed', async () => {
  const { listenKey } = (await paper.client['publicPostUserDataStream']()) as { listenKey: string };
  const wire = await open(stream(`/ws/${listenKey}`));
  const order = await paper.client.createOrder('BTC/USDT', 'market', 'sell', 0.01);
  const reports = (): Frame[] => wire.frames.filter((frame) => frame['e'] === 'executionReport');
  await expect.poll(() => reports().map((report) => report['x'])).toEqual(['NEW', 'TRADE']);
  expect(reports().at(-1)).toMatchObject({ i: Number(order.id), X: 'FILLED', N: 'USDT', S: 'SELL' });
  await paper.client['publicPutUserDataStream']({ listenKey });
  await paper.client['publicDeleteUserDataStream']({ listenKey });
  await expect(paper.client['publicPutUserDataStream']({ listenKey })).rejects.toThrow(/-1125|does not exist/);
});

test('V116 an account that signs by an Ed25519 key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki'): string => String(key.export({ type, format: 'pem' }));
  const account = { name: 'keyed', key: 'ed-key', secret: pem(publicKey, 'spki'), balances: { USDT: '1000' } };
  const opened = await fetch(`${paper.serving.addresses.admin}/accounts`, { method: 'POST', body: JSON.stringify(account) });
  expect(opened.status).toBe(200);
  const keyed = await ccxtClient(paper.serving.addresses, { apiKey: 'ed-key', secret: pem(privateKey, 'pkcs8') });
  await keyed.loadMarkets();
  const order = await keyed.createOrder('BTC/USDT', 'market', 'buy', 0.01);
  expect(order.status).toBe('closed');
  const orders = keyed.watchOrders('BTC/USDT');
  await expect.poll(() => paper.serving.userReaders('keyed')).toBe(1);
  const next = await keyed.createOrder('BTC/USDT', 'limit', 'buy', 0.001, 40_000);
  expect((await orders)[0]?.id).toBe(next.id);
  await keyed.close();
  const wrong = await ccxtClient(paper.serving.addresses, { apiKey: 'ed-key', secret: 'anything' });
  await expect(wrong.fetchBalance()).rejects.toThrow(/-1022/);
});
