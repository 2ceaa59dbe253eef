import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY, LEDGER, NOW, RULES } from '../../test/support/risk-view.js';
import type { ExecutionPolicy } from '../execution/policy.js';
import { decimal, text, type DecimalText } from '../money/index.js';
import type { TradeSignal } from '../signal/signal.js';
import { draftEntry, termsOf } from './draft.js';
import { hasMovedAway } from './replace.js';

const d = (value: string): DecimalText => value as DecimalText;
const SIGNAL: TradeSignal = {
  ...KEY,
  ...{ strategyVersion: '1', leg: 'open', barCloseTime: NOW, decidedTime: NOW, validUntil: NOW + 60_000, referencePrice: d('1') },
  ...{ stopDistanceRatio: 0.02, features: [], reason: 'test' },
};
const LIMIT = { kind: 'limit', offsetBps: 0, workMs: 10_000, postOnly: false, replaceBps: 10 } as const;
const rulesOf = (tickSize: string) => ({ ...RULES, tickSize: d(tickSize), minQuantity: d('0.001') });

/** The order that the gate would make at that price. */
function orderAt(price: string, execution: ExecutionPolicy, tickSize: string, sequence = 1): { price: DecimalText; sequence: number } {
  const terms = termsOf({ kind: 'fixedNotional', notional: d('1000000') }, { execution, attempt: sequence });
  const draft = draftEntry(SIGNAL, terms, LEDGER, { now: NOW, price: { price: d(price), ageMs: 0 } }, rulesOf(tickSize));
  if ('code' in draft) throw new Error(draft.message);
  return { price: text(draft.price), sequence };
}
const moves = (order: { price: DecimalText; sequence: number }, execution: ExecutionPolicy, to: string, tickSize: string): boolean =>
  hasMovedAway(order, execution, decimal(to), { ...LEDGER, instrument: rulesOf(tickSize) });

describe('an entry that rests', () => {
  it('is not replaced for what the tick makes of its price', () => {
    const order = orderAt('0.0345', LIMIT, '0.001');
    expect(order.price).toBe('0.034');
    expect(moves(order, LIMIT, '0.0345', '0.001')).toBe(false);
    expect(moves(order, LIMIT, '0.0349', '0.001')).toBe(false);
    expect(moves(order, LIMIT, '0.035', '0.001')).toBe(true);
    expect(moves(order, LIMIT, '0.0339', '0.001')).toBe(true);
  });

  it('is replaced from where the price has moved by what the policy says', () => {
    const order = orderAt('100', LIMIT, '0.01');
    expect(['100.09', '100.1', '99.91', '99.9'].map((to) => moves(order, LIMIT, to, '0.01'))).toEqual([false, true, false, true]);
  });

  it('is never replaced where the policy does not say so, or the filters are not known', () => {
    const { replaceBps: _, ...stays } = LIMIT;
    expect(moves(orderAt('100', stays, '0.01'), stays, '200', '0.01')).toBe(false);
    const { instrument: __, ...unknown } = LEDGER;
    expect(hasMovedAway(orderAt('100', LIMIT, '0.01'), LIMIT, decimal('200'), unknown)).toBe(false);
  });

  it('stays while the price does, whatever policy, tick and collar have made of it', () => {
    const policies = fc.record({
      offsetBps: fc.integer({ min: -200, max: 500 }),
      postOnly: fc.boolean(),
      replaceBps: fc.integer({ min: 1, max: 50 }),
    });
    const ticks = fc.constantFrom('0.001', '0.01', '0.1', '1');
    fc.assert(
      fc.property(policies, ticks, fc.integer({ min: 30, max: 90_000 }), fc.integer({ min: 1, max: 3 }), (policy, tick, thousandths, n) => {
        const execution = { ...LIMIT, ...policy };
        const price = decimal(String(thousandths)).div(1_000).mul(decimal(tick)).mul(1_000).toFixed();
        expect(moves(orderAt(price, execution, tick, n), execution, price, tick)).toBe(false);
      }),
    );
  });
});
