import { describe, expect, it } from 'vitest';
import { frameOf } from './binance-frames.js';
import { fillOf, fillsOfReply, rulesOf } from './binance-rows.js';

const instrumentOf = (): string => 'ETH/BTC';

describe('what a fill was worth is what the venue says', () => {
  it('in the list of trades', () => {
    const row = {
      id: 1,
      orderId: 2,
      price: '0.03541000',
      qty: '0.01230000',
      commission: '0',
      commissionAsset: 'BNB',
      time: 1,
      isBuyer: true,
    };
    expect(fillOf({ ...row, symbol: 'ETHBTC', quoteQty: '0.00043554' }, instrumentOf)).toMatchObject({ amount: '0.00043554' });
    expect(fillOf({ ...row, symbol: 'ETHBTC' }, instrumentOf)).not.toHaveProperty('amount');
    expect(() => fillOf({ ...row, symbol: 'ETHBTC', quoteQty: '-1' }, instrumentOf)).toThrow('quoteQty is below zero');
  });

  it('on the stream of the account', () => {
    const report = {
      ...{
        e: 'executionReport',
        s: 'ETHBTC',
        c: 'kel-1',
        S: 'BUY',
        o: 'LIMIT',
        q: '0.0123',
        p: '0.03541',
        C: '',
        x: 'TRADE',
        X: 'FILLED',
        i: 2,
      },
      ...{ l: '0.0123', z: '0.0123', L: '0.03541', n: '0', N: null, T: 1, t: 1, m: false, O: 1, Y: '0.00043554' },
    };
    expect(frameOf(report, instrumentOf)).toMatchObject({ fill: { amount: '0.00043554' } });
  });

  it.each<readonly [string, readonly string[], string, readonly (string | undefined)[]]>([
    ['one fill is worth the whole of it', ['0.0123'], '0.00043554', ['0.00043554']],
    ['the one with too many places is what the others leave', ['0.0123', '0.02'], '0.00114374', ['0.00043554', '0.0007082']],
    ['of several with too many places nothing is said', ['0.0123', '0.0121', '0.02'], '0.001572', [undefined, undefined, '0.0007082']],
    ['what the sum contradicts is not said', ['0.0123', '0.02'], '0.0001', [undefined, '0.0007082']],
  ])('in the reply to an order: %s', (_, quantities, cummulativeQuoteQty, amounts) => {
    const fills = quantities.map((qty, index) => ({ price: '0.03541', qty, commission: '0', commissionAsset: 'BNB', tradeId: index + 1 }));
    const reply = { symbol: 'ETHBTC', orderId: 2, clientOrderId: 'kel-1', side: 'BUY', transactTime: 1, cummulativeQuoteQty, fills };
    expect(fillsOfReply(reply, instrumentOf).map(({ amount }) => amount)).toEqual(amounts);
  });
});

it('how many orders may rest is read, or not taken for any number', () => {
  const told = (count: unknown) =>
    rulesOf('ETH/BTC', {
      ...{ baseAsset: 'ETH', quoteAsset: 'BTC', status: 'TRADING' },
      filters: [{ filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: count }],
    });
  expect([told(5).maxStops, told('5').maxStops, told(0).maxStops, told(5).maxOrders]).toEqual([5, 5, 0, undefined]);
  for (const count of [undefined, '', ' ', 'many', null, 1.5, -1]) expect(() => told(count)).toThrow('maxNumAlgoOrders is');
});
