import { describe, expect, it } from 'vitest';
import { d, latch, order, position, POSITION, sight, view } from '../../test/support/kill-view.js';
import { decimal } from '../money/index.js';
import { planFlatten } from './flatten.js';
import { examine, unverifiedText } from './verify.js';
import type { KillView } from './view.js';

describe('P28: a position whose row is not what its fills add up to', () => {
  it.each(['atOnce', 'none'] as const)('is nothing of which row and fills say another thing, whatever the policy (%s)', (policy) => {
    const row = { ...POSITION, held: d('0'), filled: d('1') };
    const of = { kind: 'contradicted', ...row };
    const missing = { kind: 'stop', ...POSITION, because: 'contradicted' } as const;
    const damaged = view({ latches: [latch({ policy })], contradicted: [row] }, []);
    expect(examine(damaged, sight(), [missing]).unverified).toEqual([of]);
    expect(unverifiedText({ ...of, kind: 'contradicted' })).toBe(
      'BTC/USDT (momentum) is kept as 0, and its fills add up to 1: how much is held is not known until a person has decided it (keelson reconcile decide)',
    );
    // A part of it is sold, as far as the row says so: it stays what it is.
    const partly = view({ latches: [latch({ policy })], contradicted: [{ ...row, held: d('0.4') }] }, [position('0.4')]);
    expect(examine(partly, sight({ balances: { BTC: d('2') } }), []).unverified).toEqual([{ ...of, held: '0.4' }]);
    const elsewhere = [latch({ policy, scope: 'strategy', scopeValue: 'another' })];
    expect(examine(view({ latches: elsewhere, contradicted: [row] }, []), sight(), []).unverified).toEqual([]);
  });

  it('P28: a stop of a position whose row says nothing stays while its fills say that something is held', () => {
    const row = { ...POSITION, held: d('0'), filled: d('1') };
    const damaged = view({ contradicted: [row], working: [order({ triggeredTime: null })] }, []);
    expect(planFlatten(damaged, sight())).toEqual({ kind: 'done' });
    expect(planFlatten({ ...damaged, contradicted: [] }, sight())).toMatchObject({ kind: 'cancelStop' });
    // What the venue does not show any more has no use for a stop, but nobody knows how much that is.
    expect(planFlatten(damaged, sight({ balances: { BTC: d('2') } }))).toEqual({ kind: 'done' });
  });

  it('P28: of a position whose row says more than its fills the lesser is sold, and a stop that protects more of it stays', () => {
    const row = { ...POSITION, held: d('1'), filled: d('0.6') };
    const damaged = (more: Partial<KillView> = {}): KillView =>
      view({ contradicted: [row], ...more }, [position('1', { filled: d('0.6') })]);
    const stopOf = (quantity: string, executed = '0') => ({
      working: [order({ quantity: d(quantity), executedQuantity: d(executed), reservedQuantity: d(quantity), triggeredTime: null })],
    });
    expect(planFlatten(damaged(), sight())).toMatchObject({ kind: 'sell', quantity: decimal('0.6') });
    expect(planFlatten(damaged(stopOf('1')), sight())).toEqual({ kind: 'done' });
    expect(planFlatten(damaged(stopOf('0.6')), sight())).toMatchObject({ kind: 'cancelStop' });
    expect(planFlatten(damaged(stopOf('1', '0.4')), sight())).toMatchObject({ kind: 'cancelStop' });
    // When that is sold, nothing more is tried: the rest is a person's to decide.
    const sold = view({ contradicted: [{ ...row, held: d('0.4'), filled: d('0') }] }, [position('0.4', { filled: d('0') })]);
    expect(planFlatten(sold, sight({ balances: { BTC: d('2.4') } }))).toEqual({ kind: 'done' });
    expect(examine(sold, sight({ balances: { BTC: d('2.4') } }), []).unverified.map(({ kind }) => kind)).toContain('contradicted');
  });
});
