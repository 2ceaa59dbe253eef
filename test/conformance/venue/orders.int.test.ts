import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Account } from '../../../exchange/accounts/accounts.js';
import { unitsOf } from '../../../exchange/amount/units.js';
import type { InstrumentBook } from '../../../exchange/book/instrument-book.js';
import { Series } from '../../../exchange/market/series.js';
import { calmRows, testInstrument } from '../../../exchange/testing/open-venue.js';
import { answerOf, openPaperVenue, type PaperVenue } from './open-paper-venue.js';

let paper: PaperVenue;

beforeAll(async () => {
  paper = await openPaperVenue();
  paper.venue.pausePrices();
  paper.venue.engine.deposit('test', 'BTC', unitsOf('100'), paper.venue.now());
  paper.venue.engine.deposit('test', 'USDT', unitsOf('1000000'), paper.venue.now());
  print('50000');
});

afterEach(() => {
  const open = [...paper.venue.orders.allOpen()];
  paper.venue.engine.cancelAll(open, paper.venue.now());
});

afterAll(() => paper.close());

type Answer = Record<string, unknown> & { fills?: { price: string; qty: string; commissionAsset: string }[] };

async function place(params: Record<string, string>, client = paper.client): Promise<Answer> {
  return (await answerOf(client, 'privatePostOrder', { symbol: 'BTCUSDT', newOrderRespType: 'FULL', ...params })) as Answer;
}

async function lookUp(orderId: unknown, client = paper.client): Promise<Answer> {
  return (await client['privateGetOrder']({ symbol: 'BTCUSDT', orderId })) as Answer;
}

/** The tape prints a price, as a bar of the data would. */
function print(price: string, quantity = '5'): void {
  const book = paper.venue.books.get('BTCUSDT') as InstrumentBook;
  const units = unitsOf(price);
  book.depth.follow(Number(units / book.instrument.tick), 1);
  paper.venue.engine.print(book, units, unitsOf(quantity), paper.venue.now(), false);
}

test('V30 GTC: the rest stays in the book', async () => {
  const order = await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '1.9', price: '50012' });
  expect(order).toMatchObject({ status: 'PARTIALLY_FILLED' });
  expect(order.fills?.every((fill) => Number(fill.price) <= 50_012)).toBe(true);
  expect(await paper.client.fetchOpenOrders('BTC/USDT')).toHaveLength(1);
});

test('V31 IOC: the rest expires', async () => {
  const order = await place({ side: 'SELL', type: 'LIMIT', timeInForce: 'IOC', quantity: '1.9', price: '49990' });
  expect(order).toMatchObject({ status: 'EXPIRED' });
  expect(Number(order['executedQty'])).toBeGreaterThan(0);
  expect(Number(order['executedQty'])).toBeLessThan(1.9);
});

test('V32 FOK: all at once or nothing', async () => {
  expect(await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'FOK', quantity: '1.9', price: '50012' })).toMatchObject({
    status: 'EXPIRED',
    executedQty: '0.00000000',
  });
  expect(await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'FOK', quantity: '0.1', price: '50500' })).toMatchObject({
    status: 'FILLED',
  });
});

test('V33 LIMIT_MAKER: only as maker', async () => {
  const taking = await place({ side: 'BUY', type: 'LIMIT_MAKER', quantity: '0.1', price: '51000' });
  expect(taking).toEqual({ code: -2010, msg: 'Order would immediately match and take.' });
  expect(await place({ side: 'BUY', type: 'LIMIT_MAKER', quantity: '0.1', price: '49000' })).toMatchObject({ status: 'NEW' });
});

test('V34 MARKET by quote amount spends no more than that', async () => {
  const order = await place({ side: 'BUY', type: 'MARKET', quoteOrderQty: '123.45' });
  expect(order).toMatchObject({ status: 'FILLED', origQuoteOrderQty: '123.45000000' });
  expect(Number(order['cummulativeQuoteQty'])).toBeLessThanOrEqual(123.45);
  expect(Number(order['cummulativeQuoteQty'])).toBeGreaterThan(123.3);
});

test('V35 STOP_LOSS and STOP_LOSS_LIMIT wait for their price, then sell', async () => {
  print('50000');
  const atMarket = await place({ side: 'SELL', type: 'STOP_LOSS', quantity: '0.01', stopPrice: '49000' });
  const atLimit = await place({
    side: 'SELL',
    type: 'STOP_LOSS_LIMIT',
    timeInForce: 'GTC',
    quantity: '0.01',
    stopPrice: '49000',
    price: '48000',
  });
  expect(await lookUp(atLimit['orderId'])).toMatchObject({ status: 'NEW', isWorking: false });
  print('49000.01');
  expect(await lookUp(atMarket['orderId'])).toMatchObject({ status: 'NEW' });
  print('48999');
  expect(await lookUp(atMarket['orderId'])).toMatchObject({ status: 'FILLED' });
  expect(await lookUp(atLimit['orderId'])).toMatchObject({ status: 'FILLED', isWorking: true });
  print('50000');
});

test('V36 TAKE_PROFIT and TAKE_PROFIT_LIMIT wait for the other direction', async () => {
  print('50000');
  const atMarket = await place({ side: 'SELL', type: 'TAKE_PROFIT', quantity: '0.01', stopPrice: '51000' });
  const atLimit = await place({
    side: 'BUY',
    type: 'TAKE_PROFIT_LIMIT',
    timeInForce: 'GTC',
    quantity: '0.01',
    stopPrice: '49000',
    price: '49500',
  });
  print('51001');
  expect(await lookUp(atMarket['orderId'])).toMatchObject({ status: 'FILLED' });
  print('48999');
  expect(await lookUp(atLimit['orderId'])).toMatchObject({ status: 'FILLED' });
  print('50000');
});

test('V37 a stop that the price has passed already is refused', async () => {
  const stop = { side: 'SELL', type: 'STOP_LOSS_LIMIT', timeInForce: 'GTC', quantity: '0.01', stopPrice: '60000', price: '44000' };
  expect(await place(stop)).toEqual({ code: -2010, msg: 'Stop price would trigger immediately.' });
});

test('V38 OCO: the stop ends the limit order, a fill of the limit order ends the stop, a cancel ends both', async () => {
  print('50000');
  const pair = {
    symbol: 'BTCUSDT',
    side: 'SELL',
    quantity: '0.5',
    price: '51000',
    stopPrice: '49000',
    stopLimitPrice: '48000',
    stopLimitTimeInForce: 'GTC',
  };
  const before = (await paper.client.fetchBalance())['BTC']?.used;
  for (const [price, statuses] of [
    ['48999', ['FILLED', 'EXPIRED']],
    ['51001', ['EXPIRED', 'FILLED']],
  ] as const) {
    const list = (await paper.client['privatePostOrderOco'](pair)) as { orders: { orderId: number }[] };
    expect((await paper.client.fetchBalance())['BTC']?.used).toBe(0.5);
    print(price);
    const ended = await Promise.all(list.orders.map((order) => lookUp(order.orderId)));
    expect(ended.map((order) => order['status'])).toEqual(statuses);
    expect((await paper.client.fetchBalance())['BTC']?.used).toBe(before);
    print('50000');
  }
  const list = (await paper.client['privatePostOrderListOco']({
    ...{ symbol: 'BTCUSDT', side: 'BUY', quantity: '0.5', listClientOrderId: 'a-list' },
    ...{ aboveType: 'STOP_LOSS', aboveStopPrice: '52000', belowType: 'LIMIT_MAKER', belowPrice: '48000' },
  })) as { orders: { orderId: number }[] };
  await paper.client['privateDeleteOrder']({ symbol: 'BTCUSDT', orderId: list.orders[0]?.orderId });
  const ended = await Promise.all(list.orders.map((order) => lookUp(order.orderId)));
  expect(ended.map((order) => order['status'])).toEqual(['CANCELED', 'CANCELED']);
  expect((await paper.client.fetchBalance())['USDT']?.used).toBe(0);
});

test('V39 cancel-replace: the old order ends, the new one stands; a refusal says which half failed', async () => {
  const old = await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '40000' });
  const next = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.02', price: '41000' };
  const replace = { ...next, cancelReplaceMode: 'STOP_ON_FAILURE', cancelOrderId: old['orderId'] };
  const done = await answerOf(paper.client, 'privatePostOrderCancelReplace', replace);
  expect(done).toMatchObject({ cancelResult: 'SUCCESS', newOrderResult: 'SUCCESS' });
  expect(await lookUp(old['orderId'])).toMatchObject({ status: 'CANCELED' });
  const again = await answerOf(paper.client, 'privatePostOrderCancelReplace', replace);
  expect(again).toMatchObject({ code: -2022, data: { cancelResult: 'FAILURE', newOrderResult: 'NOT_ATTEMPTED' } });
});

test('V40 an order that would meet one of its own account expires', async () => {
  print('50000');
  await place({ side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50002' });
  const taker = await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50003' });
  expect(taker).toMatchObject({ status: 'EXPIRED_IN_MATCH', executedQty: '0.00000000' });
});

test('V41 accounts trade with each other at the better price and in the order of their arrival', async () => {
  print('50000');
  const first = await place({ side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50003' });
  const better = await place({ side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50001' });
  const later = await place({ side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price: '50003' });
  const taker = await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'IOC', quantity: '0.15', price: '50003' }, paper.other);
  expect(taker.fills?.map(({ price, qty }) => `${qty} at ${price}`)).toEqual([
    '0.10000000 at 50001.00000000',
    '0.05000000 at 50003.00000000',
  ]);
  const after = await Promise.all([better, first, later].map((order) => lookUp(order['orderId'])));
  expect(after.map((order) => order['executedQty'])).toEqual(['0.10000000', '0.05000000', '0.00000000']);
});

test.each([
  ['received', 'BTC', 'USDT'],
  ['quote', 'USDT', 'USDT'],
  ['BNB', 'BNB', 'BNB'],
])('V43 commissions taken in: %s', async (feeAsset, ofBuying, ofSelling) => {
  print('50000');
  const account = paper.venue.accounts.byName('other') as Account;
  paper.venue.accounts.set({ ...account, feeAsset });
  const commissions: (string | undefined)[] = [];
  for (const side of ['BUY', 'SELL']) {
    const order = await place({ side, type: 'MARKET', quantity: '0.01' }, paper.other);
    commissions.push(...new Set(order.fills?.map((fill) => fill.commissionAsset)));
  }
  expect(commissions).toEqual([ofBuying, ofSelling]);
});

test('V42 an order that rests behind simulated quantity waits for it, one that the price passes is filled', async () => {
  print('50000');
  const bid = paper.venue.books.get('BTCUSDT')?.levels('BUY', 3)[2];
  const price = String(Number(bid?.price) / 1e8);
  const order = await place({ side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.1', price });
  print(price, '0.001');
  expect(await lookUp(order['orderId'])).toMatchObject({ executedQty: '0.00000000' });
  print(String(Number(price) - 1), '0.001');
  expect(await lookUp(order['orderId'])).toMatchObject({ status: 'FILLED' });
});

test('V44 when the data end and are not played again, the instrument takes no more orders', async () => {
  const rows = calmRows(50_000, 2);
  const instrument = testInstrument('BTC/USDT', rows);
  const ended = new Series(rows, { firstRow: 0, lastRow: 1, startOffset: 0, atEnd: 'stop' });
  const short = await openPaperVenue({ instruments: [{ ...instrument, series: ended }], intervalMs: 100 });
  const status = async (): Promise<unknown> => {
    const info = (await short.client['publicGetExchangeInfo']()) as { symbols: { status: string }[] };
    return info.symbols[0]?.status;
  };
  await expect.poll(status).toBe('BREAK');
  await expect(short.client.createOrder('BTC/USDT', 'market', 'buy', 0.001)).rejects.toThrow(/Market is closed/);
  await short.close();
});
