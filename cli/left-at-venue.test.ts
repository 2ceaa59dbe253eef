import { expect, it } from 'vitest';
import { leftTable } from './left-at-venue.js';

const HELD = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: '0.01' };

it('is a row for each order and position; a market stop has no price', () => {
  const stop = { purpose: 'stop', clientOrderId: 'c1', venueOrderId: '7', instrument: 'BTC/USDT', side: 'sell', quantity: '0.01' };
  const other = {
    ...stop,
    purpose: 'not ours',
    venueOrderId: '8',
    side: 'buy',
    price: '40000',
    stopPrice: null,
    executedQuantity: '0.001',
  };
  const report = {
    openOrders: [{ ...stop, executedQuantity: '0', price: 'market', stopPrice: '49000' }, other, { more: 3 }],
    positions: [HELD, { ...HELD, instrument: 'ETH/USDT' }, { ...HELD, instrument: 'SOL/USDT' }, { ...HELD, instrument: 'ADA/USDT' }],
    withoutStop: [{ ...HELD, instrument: 'ETH/USDT' }],
    uncovered: [{ ...HELD, instrument: 'ADA/USDT', quantity: '0.002' }],
    dust: [{ ...HELD, instrument: 'SOL/USDT' }],
    unknownOrders: [{ intentId: 'i1', clientOrderId: 'c9', instrument: 'BTC/USDT', purpose: 'exit' }],
  };
  const lines = leftTable([
    { account: 'main', report },
    { account: 'second', report: null },
  ]).split('\n');
  expect(lines.map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    'account | what | instrument | side | quantity | executed | price | stop price | of',
    'main | stop | BTC/USDT | sell | 0.01 | 0 | market | 49000 | order 7',
    'main | not ours | BTC/USDT | buy | 0.01 | 0.001 | 40000 | order 8',
    'main | and 3 more',
    'main | held | BTC/USDT | 0.01 | momentum',
    'main | held, without its stop | ETH/USDT | 0.01 | momentum',
    'main | held, too little for a stop | SOL/USDT | 0.01 | momentum',
    'main | held, no stop can be for 0.002 of it | ADA/USDT | 0.01 | momentum',
    'main | exit without a known fate | BTC/USDT | order c9',
    'second | not known: it has no report',
    '',
  ]);
});

it('says that nothing is left, and nothing where no report was made', () => {
  expect(leftTable([{ account: 'main', report: { openOrders: [], positions: [] } }])).toBe('Nothing is left at the venue.\n');
  expect(leftTable([{ account: 'main', report: null }])).toBe('');
});
