import { describe, expect, it } from 'vitest';
import { salesTaken } from '../../../core/order/instrument.js';
import { WireError, type Row } from '../wire-row.js';
import { balancesOf, barOf, fillOf, paidFeeOf, orderOf, rulesOf } from './kraken-rows.js';
import { errorOf } from './kraken-verdicts.js';

const instrumentOf = (symbolId: string): string => (symbolId === 'XBTUSD' || symbolId === 'XXBTZUSD' ? 'BTC/USD' : symbolId);
const ROW = {
  cl_ord_id: null,
  status: 'open',
  opentm: 1_733_815_269.370054,
  descr: { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: '70000.0', price2: '0' },
  vol: '0.00010000',
  vol_exec: '0.00000000',
  misc: '',
};
const TXID = 'O45M52-BFD5S-YXKQOU';
const read = (more: Row) => orderOf(TXID, { ...ROW, ...more }, instrumentOf);
const described = (more: Row) => read({ descr: { ...ROW.descr, ...more } });

describe('an order', () => {
  it('is read from its own digits', () => {
    expect(read({})).toEqual({
      venueOrderId: TXID,
      clientOrderId: TXID,
      instrument: 'BTC/USD',
      side: 'buy',
      status: 'accepted',
      quantity: '0.0001',
      executedQuantity: '0',
      price: '70000',
      isTriggered: true,
      createdTime: 1_733_815_269_370,
    });
  });

  it.each([
    ['da8e4ad59b78481c93e589746b0cf91f', 'da8e4ad59b78481c93e589746b0cf91f'],
    ['DA8E4AD5-9B78-481C-93E5-89746B0CF91F', 'da8e4ad59b78481c93e589746b0cf91f'],
    ['arb-20240509-00010', 'arb-20240509-00010'],
    ['', TXID],
  ])('%s is the client order id %s', (written, id) => {
    expect(read({ cl_ord_id: written }).clientOrderId).toBe(id);
  });

  it.each([
    ['pending', '0', 'accepted'],
    ['open', '0.00004', 'partiallyFilled'],
    ['closed', '0.00010000', 'filled'],
    ['closed', '0.00004', 'canceled'],
    ['canceled', '0.00004', 'canceled'],
    ['expired', '0', 'expired'],
  ])('%s with %s executed is %s', (status, executed, expected) => {
    expect(read({ status, vol_exec: executed }).status).toBe(expected);
  });

  it.each([
    ['stop-loss-limit', '', false, '69000'],
    ['stop-loss-limit', 'stopped', true, '69000'],
    ['stop-loss', 'stopped,partial', true, '0'],
    ['take-profit', 'touched', true, '0'],
    ['market', '', true, '0'],
  ])('%s with the note "%s": triggered %s, limit %s', (ordertype, misc, isTriggered, price) => {
    expect(read({ misc, descr: { ...ROW.descr, ordertype, price2: '69000.0' } })).toMatchObject({ isTriggered, price });
  });

  it.each([
    ['stop-loss-limit', '68000.0', '68000'],
    ['stop-loss', '68000.0', '68000'],
    ['stop-loss', '-5%', undefined],
    ['stop-loss', '-200', undefined],
    ['take-profit', '72000.0', undefined],
    ['limit', '70000.0', undefined],
  ])('%s at %s wakes at %s', (ordertype, price, stopPrice) => {
    expect(described({ ordertype, price }).stopPrice).toBe(stopPrice);
  });

  it('with a price relative to the market has no limit of its own', () => {
    expect(described({ price: '+5%' }).price).toBe('0');
  });

  it.each<readonly [string, Row]>([
    ['a status', { status: 'maybe' }],
    ['a side', { descr: { ...ROW.descr, type: 'both' } }],
    ['a number where text must be', { vol: 0.0001 }],
    ['no time', { opentm: 0 }],
    ['no description', { descr: undefined }],
  ])('%s that is not documented is not guessed', (_, more) => {
    expect(() => read(more)).toThrow(WireError);
  });
});

describe('other rows', () => {
  it('a trade has its fee in the quote asset, and says who made the price where the venue does', () => {
    const row = {
      ordertxid: TXID,
      pair: 'XXBTZUSD',
      time: 1_688_667_796.8802,
      type: 'buy',
      price: '30010.00000',
      fee: '0.96',
      vol: '0.02000000',
    };
    expect(fillOf('T1', row, instrumentOf)).toEqual({
      venueTradeId: 'T1',
      venueOrderId: TXID,
      instrument: 'BTC/USD',
      side: 'buy',
      price: '30010',
      quantity: '0.02',
      fee: '0.96',
      feeAsset: 'USD',
      isFeeAssumed: true,
      liquiditySide: 'unknown',
      eventTime: 1_688_667_796_880,
    });
    expect(fillOf('T1', { ...row, cost: '600.20000' }, instrumentOf)).toMatchObject({ amount: '600.2' });
    expect(fillOf('T1', { ...row, maker: true }, instrumentOf).liquiditySide).toBe('maker');
  });

  it('what a fee was taken in is what the ledger says of one asset, when both sides of the trade are there', () => {
    const names = { assetOf: (id: string) => (id === 'XXBT' ? 'BTC' : id), instrumentOf, symbolId: () => '' };
    const [base, quote] = [
      { asset: 'XXBT', amount: '0.02', fee: '0.000052' },
      { asset: 'ZUSD', amount: '-600.21', fee: '0.0000' },
    ];
    const fee = paidFeeOf([base, quote], names);
    expect(fee).toEqual({ fee: '0.000052', feeAsset: 'BTC' });
    expect(paidFeeOf([quote, base], names)).toEqual(fee);
    expect(paidFeeOf([base, quote, { asset: 'KFEE', amount: '0', fee: '12.5' }], names)).toBeUndefined();
    expect(paidFeeOf([{ ...base, fee: '0' }, quote], names)).toMatchObject({ fee: '0' });
    for (const some of [[], [base], [quote]]) expect(paidFeeOf(some, names)).toBeUndefined();
    expect(() => paidFeeOf([base, { ...quote, fee: 1 }], names)).toThrow(WireError);
  });

  it('balances: free is what is not held, nothing where there is nothing', () => {
    const names = { assetOf: (id: string) => (id === 'XXBT' ? 'BTC' : id), instrumentOf, symbolId: () => '' };
    const rows = {
      XXBT: { balance: '1.2435000000', hold_trade: '0.2435000000' },
      ZUSD: { balance: '0.0000', hold_trade: '0.0000' },
      'ETH.F': { balance: '2.5', hold_trade: '0' },
    };
    expect(balancesOf(rows, names)).toEqual([
      { asset: 'BTC', free: '1', locked: '0.2435' },
      { asset: 'ETH.F', free: '2.5', locked: '0' },
    ]);
  });

  it('an instrument: the tick as told, or from its decimals', () => {
    const info = { status: 'online', pair_decimals: 1, lot_decimals: 8, ordermin: '0.0001', costmin: '0.5', tick_size: '0.5' };
    expect(rulesOf('BTC/USD', info)).toMatchObject({
      base: 'BTC',
      quote: 'USD',
      tickSize: '0.5',
      stepSize: '0.00000001',
      minNotional: '0.5',
    });
    expect(rulesOf('BTC/USD', { ...info, tick_size: undefined, costmin: undefined })).toMatchObject({ tickSize: '0.1', minNotional: '0' });
    for (const told of ['0', '0.00', '-0.5']) expect(rulesOf('BTC/USD', { ...info, tick_size: told })).toMatchObject({ tickSize: '0.1' });
    expect(rulesOf('BTC/USD', info)).toMatchObject({ trading: true });
  });

  it.each([
    ['online', true, 'all'],
    ['limit_only', false, 'limit'],
    ['reduce_only', false, 'all'],
    // What is sold at once is no post-only order.
    ['post_only', false, 'none'],
    ['cancel_only', false, 'none'],
    ['a word of later', false, 'none'],
  ])('an instrument that is %s', (status, trading, sales) => {
    const rules = rulesOf('BTC/USD', { status, pair_decimals: 1, lot_decimals: 8, ordermin: '0.0001' });
    expect([rules.trading, rules.status, salesTaken(rules)]).toEqual([trading, status, sales]);
    // What takes all, or nothing, is written as by builds before.
    expect('sales' in rules).toBe(!trading && sales !== 'none');
  });

  it('a bar: its volume is the seventh figure', () => {
    const query = { instrument: 'BTC/USD', symbolId: 'XXBTZUSD', intervalMs: 60_000, timeframe: '1', fromTime: 0, limit: 1 };
    const row = [1_688_671_200, '30306.1', '30306.2', '30305.7', '30305.8', '30306.1', '3.39243896', 23];
    expect(barOf(row, query)).toEqual({
      instrument: 'BTC/USD',
      intervalMs: 60_000,
      openTime: 1_688_671_200_000,
      closeTime: 1_688_671_259_999,
      open: '30306.1',
      high: '30306.2',
      low: '30305.7',
      close: '30305.8',
      volume: '3.39243896',
    });
  });
});

describe('errors', () => {
  it.each<readonly [unknown, object | undefined]>([
    [{ error: [], result: {} }, undefined],
    ['<html>', undefined],
    [{ error: ['EAPI:Invalid key'] }, { code: 'EAPI:Invalid key', text: 'EAPI:Invalid key' }],
    [{ error: ['EGeneral:Invalid arguments:price'] }, { code: 'EGeneral:Invalid arguments', text: 'EGeneral:Invalid arguments:price' }],
    [{ error: ['EService: Throttled: 17'] }, { code: 'EService:Throttled', text: 'EService: Throttled: 17' }],
    [{ error: ['EAPI:Invalid key', 'EService:Busy'] }, { code: 'several', text: 'EAPI:Invalid key, EService:Busy' }],
  ])('%j', (body, expected) => {
    expect(errorOf(body)).toEqual(expected);
  });
});
