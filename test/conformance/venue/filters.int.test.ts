import { afterAll, beforeAll, expect, test } from 'vitest';
import { answerOf, openPaperVenue, type PaperVenue } from './open-paper-venue.js';

let paper: PaperVenue;

beforeAll(async () => {
  paper = await openPaperVenue();
});

afterAll(() => paper.close());

const BTC = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC' };

async function place(params: Record<string, string>): Promise<unknown> {
  const answer = (await answerOf(paper.client, 'privatePostOrder', { ...BTC, ...params })) as Record<string, unknown>;
  if (answer['orderId'] !== undefined && answer['status'] === 'NEW') {
    await paper.client['privateDeleteOrder']({ symbol: 'BTCUSDT', orderId: answer['orderId'] });
  }
  return answer['code'] === undefined ? answer['status'] : `${String(answer['code'])} ${String(answer['msg'])}`;
}

async function filter(type: string): Promise<Record<string, string>> {
  const info = (await paper.client['publicGetExchangeInfo']({ symbol: 'BTCUSDT' })) as {
    symbols: { filters: Record<string, string>[] }[];
  };
  return info.symbols[0]?.filters.find((one) => one['filterType'] === type) as Record<string, string>;
}

test('V20 the price is a multiple of the tick, from the least to the greatest', async () => {
  expect(await filter('PRICE_FILTER')).toMatchObject({ tickSize: '0.01000000', minPrice: '0.01000000' });
  expect(await place({ price: '40000.01', quantity: '0.01' })).toBe('NEW');
  expect(await place({ price: '40000.005', quantity: '0.01' })).toBe('-1013 Filter failure: PRICE_FILTER');
  expect(await place({ price: '100000000.01', quantity: '0.01' })).toBe('-1013 Filter failure: PRICE_FILTER');
});

test('V21 the quantity is a multiple of the step, from the least to the greatest', async () => {
  expect(await filter('LOT_SIZE')).toMatchObject({ stepSize: '0.00000100', minQty: '0.00000100', maxQty: '1000.00000000' });
  expect(await place({ price: '40000', quantity: '0.010001' })).toBe('NEW');
  expect(await place({ price: '40000', quantity: '0.0100005' })).toBe('-1013 Filter failure: LOT_SIZE');
  expect(await place({ price: '40000', quantity: '1000.000001' })).toBe('-1013 Filter failure: LOT_SIZE');
});

test('V22 a market order has a greatest quantity of its own', async () => {
  expect(await filter('MARKET_LOT_SIZE')).toMatchObject({ maxQty: '100.00000000' });
  const market = { symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET' };
  const answer = await answerOf(paper.client, 'privatePostOrder', { ...market, quantity: '100.000001' });
  expect(answer).toEqual({ code: -1013, msg: 'Filter failure: MARKET_LOT_SIZE' });
  expect(await answerOf(paper.client, 'privatePostOrder', { ...market, quantity: '100' })).toMatchObject({ code: -2010 });
});

test('V23 the notional has a least and a greatest amount', async () => {
  expect(await filter('NOTIONAL')).toMatchObject({ minNotional: '5.00000000', maxNotional: '9000000.00000000' });
  expect(await place({ price: '40000', quantity: '0.000125' })).toBe('NEW');
  expect(await place({ price: '40000', quantity: '0.000124' })).toBe('-1013 Filter failure: NOTIONAL');
  expect(await place({ price: '45000', quantity: '200' })).toMatch(/^-2010/);
  expect(await place({ price: '45000', quantity: '200.000001' })).toBe('-1013 Filter failure: NOTIONAL');
});

test('V24 the price stays within a band around the last one', async () => {
  const band = await filter('PERCENT_PRICE_BY_SIDE');
  expect(band).toMatchObject({ bidMultiplierUp: '5', bidMultiplierDown: '0.20000000', avgPriceMins: 0 });
  expect(await place({ price: '9990', quantity: '0.01' })).toBe('-1013 Filter failure: PERCENT_PRICE_BY_SIDE');
  expect(await place({ price: '10010', quantity: '0.01' })).toBe('NEW');
  expect(await place({ side: 'SELL', price: '250060', quantity: '0.01' })).toBe('-1013 Filter failure: PERCENT_PRICE_BY_SIDE');
  expect(await place({ side: 'SELL', price: '249990', quantity: '0.01' })).toBe('NEW');
});

test('V25 an account has a greatest number of open orders, and of conditional ones', async () => {
  const limits = [await filter('MAX_NUM_ORDERS'), await filter('MAX_NUM_ALGO_ORDERS')];
  expect(limits).toMatchObject([{ maxNumOrders: 200 }, { maxNumAlgoOrders: 20 }]);
  const stop = { ...BTC, side: 'SELL', type: 'STOP_LOSS_LIMIT', stopPrice: '45000', price: '44900', quantity: '0.001' };
  for (let count = 0; count < 20; count += 1) await paper.client['privatePostOrder'](stop);
  expect(await answerOf(paper.client, 'privatePostOrder', stop)).toEqual({ code: -1013, msg: 'Filter failure: MAX_NUM_ALGO_ORDERS' });
  const limit = { ...BTC, price: '40000', quantity: '0.001' };
  for (let count = 20; count < 200; count += 1) await paper.client['privatePostOrder'](limit);
  expect(await answerOf(paper.client, 'privatePostOrder', limit)).toEqual({ code: -1013, msg: 'Filter failure: MAX_NUM_ORDERS' });
  expect(await paper.client.fetchOpenOrders('BTC/USDT')).toHaveLength(200);
  await paper.client.cancelAllOrders('BTC/USDT');
  expect((await paper.client.fetchBalance())['USDT']?.used).toBe(0);
});
