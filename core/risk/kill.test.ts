import { describe, expect, it } from 'vitest';
import { KEY, LEDGER, RULES } from '../../test/support/risk-view.js';
import { decimal, type DecimalText } from '../money/index.js';
import { decideFlatten } from './kill.js';
import type { RiskView } from './view.js';

const HELD: RiskView = {
  ...LEDGER,
  latches: [{ scope: 'account', scopeValue: KEY.account }],
  positions: [{ ...KEY, quantity: '2' as DecimalText, cost: '200' as DecimalText }],
  instrument: RULES,
};
const codes = (quantity: string, ledger: RiskView = HELD): readonly string[] => {
  const wish = { sequence: 1, quantity: decimal(quantity), collarBps: 50 };
  const verdict = decideFlatten(KEY, wish, ledger, decimal('100'));
  return verdict.kind === 'denied' ? verdict.failures.map(({ code }) => code) : ['approved'];
};

describe('the gate for what a kill sells', () => {
  it('lets through all that is held, and not a step more (P18)', () => {
    expect(codes('2')).toEqual(['approved']);
    expect(codes('2.001')).toEqual(['RISK_NO_POSITION']);
  });

  it('denies nothing, for there is nothing to sell', () => {
    expect(codes('0')).toContain('RISK_NO_POSITION');
  });

  it('sells only under a latch, and only what is known to the venue', () => {
    expect(codes('2', { ...HELD, latches: [] })).toEqual(['RISK_MODE']);
    const { instrument: _, ...unknown } = HELD;
    expect(codes('2', unknown)).toEqual(['RISK_INSTRUMENT_UNKNOWN']);
  });
});
