import { afterAll, beforeAll, expect, test } from 'vitest';
import type { binance } from 'ccxt';
import { serve, type Serving } from '../../../exchange/serve.js';
import { ccxtClient } from './ccxt-client.js';
import { testVenue } from '../../../exchange/testing/open-venue.js';
import type { Venue } from '../../../exchange/venue.js';

let venue: Venue;
let serving: Serving;
let client: binance;

beforeAll(async () => {
  venue = testVenue();
  serving = await serve(venue, 0, 0);
  client = await ccxtClient(serving.addresses);
  await client.loadMarkets();
});

afterAll(async () => {
  await client.close();
  await serving.close();
});

test('markets, time and 500 bars of history are there at once', async () => {
  expect(Object.keys(client.markets ?? {})).toEqual(['BTC/USDT', 'BNB/USDT']);
  expect(Math.abs(((await client.fetchTime()) as number) - Date.now())).toBeLessThan(1000);
  const bars = await client.fetchOHLCV('BTC/USDT', '1s', undefined, 500);
  expect(bars).toHaveLength(500);
  expect(bars.every((bar, index) => index === 0 || Number(bar[0]) - Number(bars[index - 1]?.[0]) === 1000)).toBe(true);
});

test('ticker, order book and trades are one market', async () => {
  const ticker = await client.fetchTicker('BTC/USDT');
  const book = await client.fetchOrderBook('BTC/USDT', 20);
  const trades = await client.fetchTrades('BTC/USDT', undefined, 10);
  expect(book.bids[0]?.[0]).toBeLessThan(book.asks[0]?.[0] as number);
  expect(ticker.last).toBeGreaterThan(40_000);
  expect(trades).toHaveLength(10);
});

test('a market order fills with its fee in the asset received', async () => {
  const order = await client.createOrder('BTC/USDT', 'market', 'buy', 0.1, undefined, { clientOrderId: 'first-buy' });
  expect(order.status).toBe('closed');
  expect(order.filled).toBe(0.1);
  expect(order.fee).toMatchObject({ currency: 'BTC', cost: 0.0001 });
  const balance = await client.fetchBalance();
  expect(balance['BTC']?.free).toBe(2.0999);
  const again = await client.fetchOrder('', 'BTC/USDT', { clientOrderId: 'first-buy' });
  expect(again.id).toBe(order.id);
  const fills = await client.fetchMyTrades('BTC/USDT');
  expect(fills.map((fill) => fill.order)).toContain(order.id);
  expect(await client.fetchTradingFee('BTC/USDT')).toMatchObject({ maker: 0.001, taker: 0.001 });
});

test('a limit order rests, locks its cost, and is canceled by its client id', async () => {
  const order = await client.createOrder('BTC/USDT', 'limit', 'buy', 0.01, 40_000, { clientOrderId: 'rests' });
  expect(order.status).toBe('open');
  expect((await client.fetchOpenOrders('BTC/USDT')).map((open) => open.id)).toEqual([order.id]);
  expect((await client.fetchBalance())['USDT']?.used).toBe(400);
  await client.cancelOrder('', 'BTC/USDT', { origClientOrderId: 'rests' });
  expect((await client.fetchBalance())['USDT']?.used).toBe(0);
  expect((await client.fetchOrder(order.id as string, 'BTC/USDT')).status).toBe('canceled');
});

test('the refusals that ccxt maps arrive as its classes', async () => {
  const { BadRequest, InsufficientFunds, OrderNotFound } = await import('ccxt');
  await expect(client.createOrder('BTC/USDT', 'limit', 'buy', 10, 49_000)).rejects.toThrow(InsufficientFunds);
  await expect(client.fetchOrder('999999', 'BTC/USDT')).rejects.toThrow(OrderNotFound);
  await expect(client.createOrder('BTC/USDT', 'limit', 'buy', 0.00001, 40_000)).rejects.toThrow(BadRequest);
  await client.createOrder('BTC/USDT', 'limit', 'buy', 0.01, 40_000, { clientOrderId: 'twice' });
  await expect(client.createOrder('BTC/USDT', 'limit', 'buy', 0.01, 40_000, { clientOrderId: 'twice' })).rejects.toThrow(
    /Duplicate order sent/,
  );
  await client.cancelAllOrders('BTC/USDT');
});

test('a request outside its window is refused before matching', async () => {
  const before = venue.orders.history('test', 'BTCUSDT').length;
  const late = { timestamp: Date.now() - 3000, recvWindow: 2000 };
  await expect(client.createOrder('BTC/USDT', 'market', 'buy', 0.01, undefined, late)).rejects.toThrow(/-1021/);
  expect(venue.orders.history('test', 'BTCUSDT')).toHaveLength(before);
});

test('ccxt.pro sees bars, book, trades and tickers', async () => {
  const [bars, book, trades, ticker] = await Promise.all([
    client.watchOHLCV('BTC/USDT', '1s'),
    client.watchOrderBook('BTC/USDT'),
    client.watchTrades('BTC/USDT'),
    client.watchTicker('BTC/USDT'),
  ]);
  expect(bars.length).toBeGreaterThan(0);
  expect(book.bids[0]?.[0]).toBeLessThan(book.asks[0]?.[0] as number);
  expect(trades.length).toBeGreaterThan(0);
  expect(ticker.last).toBeGreaterThan(40_000);
  const next = await client.watchOrderBook('BTC/USDT');
  expect(next.bids[0]?.[0]).toBeLessThan(next.asks[0]?.[0] as number);
});

test('ccxt.pro sees orders, fills and balances of the account', async () => {
  const orders = client.watchOrders('BTC/USDT');
  const fills = client.watchMyTrades('BTC/USDT');
  const balance = client.watchBalance();
  // The subscription is confirmed before the order is sent: the first future exists from then on.
  await expect.poll(() => serving.userReaders('test')).toBeGreaterThan(0);
  const placed = await client.createOrder('BTC/USDT', 'market', 'sell', 0.05);
  expect((await orders)[0]?.id).toBe(placed.id);
  expect((await fills)[0]).toMatchObject({ order: placed.id, side: 'sell' });
  expect((await balance)['BTC']?.free).toBeLessThan(2.1);
});
