import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import { compare } from './compare.js';
import { deltasOf } from './deltas.js';
import { RECONCILE } from './rules.js';
import type { BookedOrder, LedgerSight, SeenFill, VenueSight } from './sight.js';

const d = (value: string): DecimalText => value as DecimalText;
const NOW = 1_700_000_000_000;
const INSTRUMENTS = { 'BTC/USDT': { base: 'BTC', quote: 'USDT' }, 'ETH/BTC': { base: 'ETH', quote: 'BTC' } };

/** A purchase of 0.001 BTC for 40 USDT of which nobody knows what became. */
const order = (more: Partial<BookedOrder> = {}): BookedOrder =>
  ({
    ...{ account: 'main', strategy: 'maker', instrument: 'BTC/USDT', intentId: 'i1', clientOrderId: 'c1', venueOrderId: null },
    ...{ venueStatus: null, side: 'buy', purpose: 'entry', type: 'limit', status: 'unknown', base: 'BTC', quote: 'USDT' },
    ...{ quantity: '0.001', executedQuantity: '0', price: '40000', stopPrice: null, isFinal: false, unchangedMs: 60_000 },
    ...more,
  }) as BookedOrder;
const fill = (more: Partial<SeenFill> = {}): SeenFill => ({
  ...{ venueTradeId: 't1', venueOrderId: 'v9', instrument: 'BTC/USDT', side: 'buy', price: d('40000'), quantity: d('0.01') },
  ...{ fee: d('0.001'), feeAsset: 'BNB', liquiditySide: 'taker', eventTime: NOW - 300_000, ...more },
});

/** Whether a movement of so much of an asset is taken for what is still on its way. */
function isExcused(
  asset: string,
  amount: string,
  orders: readonly BookedOrder[],
  more: { fills?: SeenFill[]; ledger?: object } = {},
): boolean {
  const { fills = [] } = more;
  const venue: VenueSight = {
    ...{ venueTime: NOW, openOrders: [], fillsSince: NOW - 600_000, fills: [], listed: new Set() },
    balances: { [asset]: d(amount) },
  };
  const ledger: LedgerSight = {
    ...{ account: 'main', databaseTime: NOW, onboardedTime: 0, orders, protected: [], contradictions: [], bookedBeside: [] },
    ...{ fills: fills.map((one) => ({ ...one, intentId: 'i0' })), balances: {}, instruments: INSTRUMENTS },
    ...more.ledger,
  };
  const { differences } = compare({ venue, ledger, workflows: undefined, isFull: false }, [], RECONCILE);
  const found = differences.find(({ class: what, subject }) => what === 'balanceMovement' && subject === `balance:${asset}`);
  if (found === undefined) throw new Error('the movement is not found');
  return found.isInFlight;
}

describe('what an order that nobody knows of may have moved', () => {
  it.each([
    ['USDT', '-40.4', true],
    ['USDT', '-40.41', false],
    ['USDT', '-50000', false],
    ['USDT', '0.01', false],
    ['BTC', '0.001', true],
    ['BTC', '0.0011', false],
    // The fee may be taken of anything that is held.
    ['BTC', '-0.00001', true],
    ['BTC', '-0.001', false],
    ['ETH', '-0.00001', false],
  ])('of a purchase: %s %s', (asset, amount, expected) => {
    expect(isExcused(asset, amount, [order()])).toBe(expected);
  });
  it.each([
    // Sold for more than its limit, which is under the price.
    ['USDT', '43.2', true],
    ['USDT', '43.21', false],
    ['USDT', '-1', false],
    ['BTC', '-0.00101', true],
    ['BTC', '-0.00102', false],
    ['BTC', '0.001', false],
  ])('of a sale: %s %s', (asset, amount, expected) => {
    expect(isExcused(asset, amount, [order({ side: 'sell' })])).toBe(expected);
  });
  it('is what a stop brings where it wakes, also where it has no limit', () => {
    const stop = order({ side: 'sell', type: 'stopMarket', price: d('0'), stopPrice: d('40000') });
    expect([isExcused('USDT', '43.2', [stop]), isExcused('USDT', '43.21', [stop])]).toEqual([true, false]);
  });
  it('is of all such orders together, and of what is left of each', () => {
    const both = [order(), order({ intentId: 'i2', clientOrderId: 'c2', executedQuantity: d('0.0005') })];
    expect([isExcused('USDT', '-60.6', both), isExcused('USDT', '-60.61', both)]).toEqual([true, false]);
    const [buys, sells] = [order(), order({ intentId: 'i2', clientOrderId: 'c2', side: 'sell' })];
    expect([isExcused('USDT', '-40', [buys, sells]), isExcused('USDT', '40', [buys, sells])]).toEqual([true, true]);
  });
  it('is nothing of an order that works, as long as its fills are known', () => {
    expect(isExcused('USDT', '-1', [order({ status: 'filled', isFinal: true })])).toBe(false);
  });
  it('has the fee that fills have shown, where that is more', () => {
    const fills = [fill({ fee: d('20'), feeAsset: 'USDT' })];
    expect([isExcused('USDT', '-42', [order()], { fills }), isExcused('USDT', '-42.1', [order()], { fills })]).toEqual([true, false]);
  });
  it('is told beside what was filled while the venue was read', () => {
    const young = fill({ eventTime: NOW + 10, feeAsset: 'USDT', fee: d('0') });
    // Booked by now, and not yet in the balances.
    const booked = { balances: deltasOf(young, INSTRUMENTS) };
    expect(isExcused('USDT', '-40', [order()], { fills: [young], ledger: booked })).toBe(true);
    expect(isExcused('USDT', '-41', [order()], { fills: [young], ledger: booked })).toBe(false);
  });
});

describe('a fee in a third asset', () => {
  it('is so much as fills have shown, and some', () => {
    // 0.001 BNB for 400 USDT; so 0.0001 for 40, ten times that at most.
    const asked = (amount: string): boolean => isExcused('BNB', amount, [order()], { fills: [fill()] });
    expect([asked('-0.001'), asked('-0.0011'), asked('0.0001')]).toEqual([true, false, false]);
  });
  it('is excused for a while where no fill says how much it may be', () => {
    const fills = [fill({ instrument: 'ETH/BTC', price: d('0.05') })];
    const asked = (amount: string, unchangedMs: number): boolean => isExcused('BNB', amount, [order({ unchangedMs })], { fills });
    expect(asked('-5', RECONCILE.excusedMs - 1)).toBe(true);
    expect(asked('-5', RECONCILE.excusedMs)).toBe(false);
    expect(asked('5', 0)).toBe(false);
  });
});
