import { describe, expect, it } from 'vitest';
import type { ValuedFill } from '../ledger/results.js';
import { decimal, ZERO } from '../money/index.js';
import { Losses } from './losses.js';
import { reportOf } from './report.js';

let booking = 0;
const fill = (eventTime: number, side: 'buy' | 'sell', quantity: string, price: string, more: Partial<ValuedFill> = {}): ValuedFill => ({
  ...{ account: 'main', instrument: 'BTC/USDT', base: 'BTC', quote: 'USDT', strategy: 'momentum', strategyVersion: '1', origin: 'ours' },
  ...{ venueTradeId: `t${(booking += 1)}`, venueOrderId: 'v', intentId: 'i', liquiditySide: 'taker', eventTime, booking, side },
  ...{ quantity: decimal(quantity), price: decimal(price), fee: decimal('1'), feeAsset: 'USDT', feePrice: undefined },
  ...more,
});
const marks = (instrument: string) => (instrument === 'BTC/USDT' ? decimal('80') : undefined);

describe('how a loss came about', () => {
  const losses = (): Losses => {
    const all = new Losses(1_000, () => ZERO);
    for (const one of [
      // Before the peak: won, and no part of the loss.
      fill(100, 'buy', '1', '100'),
      fill(200, 'sell', '1', '150'),
      fill(300, 'buy', '2', '100'),
      fill(1_000, 'sell', '1', '90'),
      fill(1_100, 'buy', '1', '10', { instrument: 'X/USDT', base: 'X', strategy: 'other' }),
      fill(500, 'buy', '1', '5', { instrument: 'Y/USDT', base: 'Y', strategy: 'over' }),
      fill(600, 'sell', '1', '5', { instrument: 'Y/USDT', base: 'Y', strategy: 'over' }),
    ])
      all.add(one);
    return all;
  };

  it('is told by strategy and instrument, the greatest loss first, with what was executed worse than decided', () => {
    const execution = {
      strategy: 'momentum',
      instrument: 'BTC/USDT',
      side: 'sell',
      quantity: decimal('1'),
      notional: decimal('90'),
    } as const;
    const found = losses().all(marks, [
      { ...execution, decided: decimal('95') },
      { ...execution, decided: undefined },
    ]);
    expect(found).toEqual([
      {
        ...{ strategy: 'momentum', instrument: 'BTC/USDT', quote: 'USDT', quantity: '1', fills: 1, fees: '1', slippage: '5' },
        // By average cost, after the fee of the sale; what is held is worth 80 and cost 100 and its share of the fee.
        ...{ realizedPnl: expect.stringMatching(/^-11/), unrealizedPnl: expect.stringMatching(/^-20/) },
      },
      expect.objectContaining({ strategy: 'other', instrument: 'X/USDT', unrealizedPnl: null, fills: 1 }),
    ]);
    const { totals, text } = reportOf({
      ...{
        account: 'main',
        reason: 'main is 15 % under its peak.',
        peakTime: null,
        sinceTime: 1_000,
        engagedTime: 2_000,
        verifiedTime: 3_000,
      },
      losses: found,
    });
    expect(Object.keys(totals)).toEqual(['USDT']);
    expect(totals['USDT']).toMatchObject({ slippage: '5' });
    expect(text).toContain('| momentum | BTC/USDT | -11');
    expect(text).toContain('- verified: 1970-01-01T00:00:03.000Z');
    expect(text).toContain('no price');
  });

  it('has the positions that were closed since a moment', () => {
    expect(
      losses()
        .closedSince(500)
        .map(({ instrument }) => instrument),
    ).toEqual(['Y/USDT']);
    expect(losses().closedSince(0)).toHaveLength(2);
  });
});
