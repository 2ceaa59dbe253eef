import { generateKeyPairSync } from 'node:crypto';
import { MainClient, WebsocketAPIClient, WebsocketClient, type DefaultLogger } from 'binance';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { openPaperVenue, type PaperVenue } from './open-paper-venue.js';

/**
 * The npm package `binance`, unmodified: its own signing, its own parsing, only its addresses are ours. Its REST call
 * `getServerTime` is left out: it goes to the real host whatever `baseUrl` says.
 */
type Frame = Record<string, unknown>;

const QUIET: typeof DefaultLogger = { trace() {}, info() {}, error() {} };
const ends: (() => unknown)[] = [];

let paper: PaperVenue;
let rest: MainClient;

beforeAll(async () => {
  paper = await openPaperVenue();
  rest = new MainClient({ api_key: TEST_KEY, api_secret: TEST_SECRET, baseUrl: paper.serving.addresses.rest, disableTimeSync: true });
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

afterAll(() => paper.close());

function socketOptions(keys: { api_key: string; api_secret: string } = { api_key: TEST_KEY, api_secret: TEST_SECRET }) {
  const { rest: baseUrl, stream } = paper.serving.addresses;
  return { ...keys, wsUrl: stream.replace(/\/ws$/, ''), restOptions: { baseUrl, disableTimeSync: true, ...keys } };
}

/** A socket client and what it has told so far. */
function streamClient(): { client: WebsocketClient; frames: Frame[] } {
  const client = new WebsocketClient(socketOptions(), QUIET);
  const frames: Frame[] = [];
  client.on('message', (frame) => frames.push(frame as unknown as Frame));
  client.on('exception', (problem) => frames.push({ problem }));
  ends.push(() => client.closeAll(true));
  return { client, frames };
}

function apiClient(keys?: { api_key: string; api_secret: string }): { client: WebsocketAPIClient; frames: Frame[] } {
  const client = new WebsocketAPIClient({ ...socketOptions(keys), attachEventListeners: false }, QUIET);
  const frames: Frame[] = [];
  client.getWSClient().on('message', (frame) => frames.push(frame as unknown as Frame));
  ends.push(() => client.disconnectAll());
  return { client, frames };
}

const events = (frames: readonly Frame[], kind: string): Frame[] =>
  frames.map((frame) => (frame['event'] as Frame | undefined) ?? frame).filter((frame) => frame['e'] === kind);

test('V140 a second client signs on, and reads its balances, markets and bars', async () => {
  const account = await rest.getAccountInformation();
  expect(account.canTrade).toBe(true);
  expect(account.balances.find(({ asset }) => asset === 'USDT')?.free).toBe('100000.00000000');
  const { symbols } = await rest.getExchangeInfo({ symbol: 'BTCUSDT' });
  expect(symbols.map(({ symbol }) => symbol)).toEqual(['BTCUSDT']);
  expect(await rest.getKlines({ symbol: 'BTCUSDT', interval: '1s', limit: 5 })).toHaveLength(5);
});

test('V141 a wrong secret is refused by its code', async () => {
  const { rest: baseUrl } = paper.serving.addresses;
  const stranger = new MainClient({ api_key: TEST_KEY, api_secret: 'wrong', baseUrl, disableTimeSync: true });
  await expect(stranger.getAccountInformation()).rejects.toMatchObject({ code: -1022 });
});

test('V142 it places an order, looks it up, and cancels it', async () => {
  const newClientOrderId = rest.generateNewOrderId();
  const placed = await rest.submitNewOrder({
    symbol: 'BTCUSDT',
    side: 'BUY',
    type: 'LIMIT',
    timeInForce: 'GTC',
    quantity: 0.01,
    price: 40_000,
    newClientOrderId,
    newOrderRespType: 'FULL',
  });
  expect(placed).toMatchObject({ symbol: 'BTCUSDT', status: 'NEW', clientOrderId: newClientOrderId });
  const found = await rest.getOrder({ symbol: 'BTCUSDT', origClientOrderId: newClientOrderId });
  expect(found).toMatchObject({ orderId: placed.orderId, status: 'NEW', origQty: '0.01000000' });
  expect(await rest.getOpenOrders({ symbol: 'BTCUSDT' })).toHaveLength(1);
  expect(await rest.cancelOrder({ symbol: 'BTCUSDT', orderId: placed.orderId })).toMatchObject({ status: 'CANCELED' });
  await expect(rest.cancelOrder({ symbol: 'BTCUSDT', orderId: placed.orderId })).rejects.toMatchObject({ code: -2011 });
});

test('V143 its market order fills, and the fills are in its list of trades', async () => {
  const filled = await rest.submitNewOrder({
    symbol: 'BTCUSDT',
    side: 'BUY',
    type: 'MARKET',
    quantity: 0.05,
    newClientOrderId: rest.generateNewOrderId(),
    newOrderRespType: 'FULL',
  });
  expect(filled).toMatchObject({ status: 'FILLED', executedQty: '0.05000000' });
  const trades = await rest.getAccountTradeList({ symbol: 'BTCUSDT', orderId: filled.orderId });
  expect(trades.length).toBeGreaterThan(0);
  expect(trades.every(({ commissionAsset }) => commissionAsset === 'BTC')).toBe(true);
});

test('V144 its market streams tell bars with their close, trades and best prices', async () => {
  const { client, frames } = streamClient();
  await client.subscribe(['btcusdt@kline_1s', 'btcusdt@trade', 'btcusdt@bookTicker'], 'main');
  const bars = (): Frame[] => events(frames, 'kline').map((frame) => frame['k'] as Frame);
  await expect.poll(() => bars().filter((bar) => bar['x'] === true).length).toBeGreaterThan(0);
  await expect.poll(() => events(frames, 'trade').length).toBeGreaterThan(0);
  await expect.poll(() => frames.some((frame) => 'b' in frame && 'a' in frame && 'B' in frame)).toBe(true);
  expect(frames.filter((frame) => 'problem' in frame)).toEqual([]);
});

test('V145 by a listen key it is told of its own order and balances', async () => {
  const { client, frames } = streamClient();
  await client.subscribeSpotUserDataStream();
  await expect.poll(() => paper.serving.userReaders('test')).toBe(1);
  const side = { symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quantity: 0.01 } as const;
  const newClientOrderId = rest.generateNewOrderId();
  await rest.submitNewOrder({ ...side, newClientOrderId });
  await expect
    .poll(() =>
      events(frames, 'executionReport')
        .map((report) => report['X'])
        .at(-1),
    )
    .toBe('FILLED');
  expect(events(frames, 'executionReport').every((report) => report['c'] === newClientOrderId)).toBe(true);
  expect(events(frames, 'outboundAccountPosition').length).toBeGreaterThan(0);
  expect(frames.filter((frame) => 'problem' in frame)).toEqual([]);
});

test('V146 with an HMAC key it signs each call of the WebSocket API, and subscribes by signature', async () => {
  const { client, frames } = apiClient();
  await client.subscribeUserDataStream('mainWSAPI');
  await expect.poll(() => paper.serving.userReaders('test')).toBe(1);
  await tradesOver(client, frames);
});

test('V147 with an Ed25519 key it logs on once, and subscribes within the session', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const secret = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  paper.venue.openAccount({ ...paper.venue.accounts.byName('other')!, key: 'second-ed25519', secret }, new Map());
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { client, frames } = apiClient({ api_key: 'second-ed25519', api_secret: pem });
  await client.subscribeUserDataStream('mainWSAPI');
  await expect.poll(() => paper.serving.userReaders('other')).toBe(1);
  await tradesOver(client, frames);
});

/** An order's life over the WebSocket API, and what the stream tells of it. */
async function tradesOver(client: WebsocketAPIClient, frames: readonly Frame[]): Promise<void> {
  const timestamp = Date.now();
  // The prefix that this client wants in ids over the WebSocket API.
  const newClientOrderId = `x-QJ6WSMZX${timestamp}`;
  const { result: account } = await client.getSpotAccountInformation({ timestamp });
  expect(account.balances.map(({ asset }) => asset)).toContain('USDT');
  const limit = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '40000' } as const;
  // The venue wants a time stamp on every signed call; this client's types leave it out of this one.
  const stamped = { ...limit, newClientOrderId, timestamp };
  const { result: placed } = await client.submitNewSpotOrder(stamped);
  const order = { symbol: 'BTCUSDT', origClientOrderId: newClientOrderId, timestamp: Date.now() } as const;
  expect((await client.getSpotOrderStatus(order)).result).toMatchObject({ status: 'NEW' });
  expect((await client.cancelSpotOrder(order)).result).toMatchObject({ status: 'CANCELED', origClientOrderId: newClientOrderId });
  const steps = (): unknown[] => events(frames, 'executionReport').map((report) => report['x']);
  await expect.poll(steps).toEqual(['NEW', 'CANCELED']);
  expect(events(frames, 'executionReport')[0]).toMatchObject({ c: newClientOrderId, i: (placed as { orderId: number }).orderId });
}
