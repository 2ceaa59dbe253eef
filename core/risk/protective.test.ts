import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal, text, type DecimalText } from '../money/index.js';
import { KEY, LEDGER as ACCOUNT, RULES } from '../../test/support/risk-view.js';
import { decideEscape, decideStop } from './protective.js';
import type { RiskView, WorkingOrder } from './view.js';

const d = (value: string): DecimalText => value as DecimalText;
/** Paused, with entry limits that allow nothing: a stop asks for none of them. */
const LEDGER: RiskView = {
  ...ACCOUNT,
  mode: 'paused',
  limits: { ...ACCOUNT.limits, maxOrderNotional: d('1'), maxInstrumentExposure: d('1'), maxAccountExposure: d('1'), maxOpenOrders: 1 },
  positions: [{ ...KEY, quantity: d('2'), cost: d('200') }],
  balances: {},
  instrument: { ...RULES, tickSize: d('0.1'), stepSize: d('0.01'), minQuantity: d('0.01'), marketStop: true },
};
const sell = (reserved: string, more: Partial<WorkingOrder> = {}): WorkingOrder => ({
  intentId: 'x',
  strategy: 'momentum',
  instrument: 'BTC/USDT',
  leg: 'close',
  side: 'sell',
  purpose: 'exit',
  status: 'unknown',
  reservedQuantity: d(reserved),
  reservedNotional: d('0'),
  quote: 'USDT',
  ...more,
});
const wish = (quantity: string, stopPrice = '98') => ({
  sequence: 2,
  quantity: decimal(quantity),
  stopPrice: decimal(stopPrice),
  limitPrice: decimal('97.5'),
});
const stop = (quantity: string, ledger: Partial<RiskView> = {}, price?: string) =>
  decideStop(KEY, wish(quantity, price), { ...LEDGER, ...ledger });

describe('the gate for stops', () => {
  it('P22: approves in every mode, whatever the entry limits say', () => {
    expect(stop('2')).toMatchObject({
      kind: 'approved',
      order: {
        intentId: 'stop:main:momentum:BTC-USDT:2',
        purpose: 'stop',
        type: 'stopMarket',
        timeInForce: 'GTC',
        quantity: '2',
        stopPrice: '98',
        reservedQuantity: '2',
        reservedNotional: '0',
      },
    });
  });

  it('denies a stop for nothing as one without a position', () => {
    expect(stop('0')).toMatchObject({
      kind: 'denied',
      failures: expect.arrayContaining([expect.objectContaining({ code: 'RISK_NO_POSITION' })]),
    });
  });

  it('sells at a limit where the venue has no stop at the market', () => {
    const { marketStop: _, ...instrument } = { ...LEDGER.instrument! };
    expect(stop('2', { instrument })).toMatchObject({ order: { type: 'stopLimit', price: '97.5' } });
  });

  it('sells at a limit where the instrument takes no other orders now (P22)', () => {
    const instrument = { ...LEDGER.instrument!, trading: false, sales: 'limit' } as const;
    expect(stop('2', { instrument })).toMatchObject({ order: { type: 'stopLimit', price: '97.5' } });
    expect(stop('2', { instrument: { ...instrument, sales: 'all' } })).toMatchObject({ order: { type: 'stopMarket' } });
  });

  it.each([
    ['P18: what an unknown exit may have sold is not free', '1.01', { workingOrders: [sell('1')] }, 'RISK_NO_POSITION'],
    ['nothing is held', '1', { positions: [] }, 'RISK_NO_POSITION'],
    ['P22: a kill latch stands', '1', { latches: [{ scope: 'account', scopeValue: 'main' } as const] }, 'RISK_KILLED'],
    ['under the minimum', '0.04', {}, 'ORDER_BELOW_MIN_NOTIONAL'],
    ['beside the step', '1.005', {}, 'ORDER_QUANTITY_PRECISION'],
  ])('denies: %s', (_, quantity, ledger, code) => {
    const verdict = stop(quantity, ledger);
    expect(verdict.kind === 'denied' && verdict.failures.map((one) => one.code)).toEqual([code]);
  });

  it('denies a price beside the tick, and an instrument that nobody knows', () => {
    expect(stop('1', {}, '98.05')).toMatchObject({ failures: [{ code: 'ORDER_PRICE_PRECISION' }] });
    const { instrument: _, ...unknown } = LEDGER;
    expect(decideStop(KEY, wish('1'), unknown)).toMatchObject({ failures: [{ code: 'RISK_INSTRUMENT_UNKNOWN' }] });
  });
});

describe('a stop larger than the venue takes at the market', () => {
  const instrument = { ...LEDGER.instrument!, maxMarketQuantity: d('1.5') };

  it('rests with a limit, for a position must not be without one', () => {
    expect(stop('1.5', { instrument })).toMatchObject({ kind: 'approved', order: { type: 'stopMarket', quantity: '1.5' } });
    expect(stop('1.51', { instrument })).toMatchObject({ kind: 'approved', order: { type: 'stopLimit', quantity: '1.51', price: '97.5' } });
  });
});

describe('the gate for escapes', () => {
  it('P21: sells what is free, at once, within its collar, never wider than exits may', () => {
    const at = (collarBps: number) =>
      decideEscape(KEY, { sequence: 1, collarBps }, { ...LEDGER, workingOrders: [sell('0.5')] }, decimal('100'));
    expect(at(100)).toMatchObject({ order: { purpose: 'escape', timeInForce: 'IOC', quantity: '1.5', price: '99' } });
    expect(at(9_000)).toMatchObject({ order: { price: '96' } });
  });

  it('stops and exits together never sell more than is held (P18)', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 300 }), (reserved, wanted) => {
        const workingOrders = reserved.map((units) => sell(text(decimal(String(units)).div(100))));
        const verdicts = [
          stop(text(decimal(String(wanted)).div(100)), { workingOrders }),
          decideEscape(KEY, { sequence: 1, collarBps: 50 }, { ...LEDGER, workingOrders }, decimal('100')),
        ];
        for (const verdict of verdicts) {
          if (verdict.kind !== 'approved') continue;
          const sold = workingOrders.reduce((sum, one) => sum.plus(decimal(one.reservedQuantity)), decimal(verdict.order.quantity));
          expect(sold.lte(2)).toBe(true);
        }
      }),
    );
  });
});
