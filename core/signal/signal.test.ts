import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intentIdOf, signalId, signalWorkflowId, type SignalKey } from './signal.js';

const names = fc.stringMatching(/^[a-z][a-z0-9_-]{0,11}$/);
const keys: fc.Arbitrary<SignalKey> = fc.record({
  account: names,
  strategy: names,
  instrument: fc.constantFrom('BTC/USDT', 'ETH/USDT', 'SPX/USDT'),
  barCloseTime: fc.integer({ min: 1, max: 4_102_444_800_000 }),
  leg: fc.constantFrom('open', 'close'),
});

describe('signal ids (P1)', () => {
  it('differ exactly when the keys differ', () => {
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(signalId(one) === signalId(other)).toBe(isSame);
      }),
    );
  });

  it('name workflow and intent', () => {
    const key: SignalKey = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT', barCloseTime: 1_700_000_000_999, leg: 'open' };
    expect(signalWorkflowId(key)).toBe('signal:main:momentum:BTC-USDT:1700000000999:open');
    expect(intentIdOf(key)).toBe('main:momentum:BTC-USDT:1700000000999:open:1');
    expect(intentIdOf(key, 2)).not.toBe(intentIdOf(key));
  });

  it('refuse names that could be mistaken for two parts', () => {
    const key: SignalKey = { account: 'a:b', strategy: 'm', instrument: 'BTC/USDT', barCloseTime: 1, leg: 'open' };
    expect(() => signalId(key)).toThrow(RangeError);
  });
});
