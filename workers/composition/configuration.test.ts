import { expect, it } from 'vitest';
import type { Config } from '../../config/index.js';
import type { DecimalText } from '../../core/money/index.js';
import { entriesOf } from './configuration.js';

type Strategy = Config['strategies'][number];

const configured = (account: string, instruments: readonly string[], notional: string, execution: Strategy['execution']): Strategy =>
  ({ id: 'momentum', account, instruments, sizing: { kind: 'fixedNotional', notional: notional as DecimalText }, execution }) as Strategy;

it('each instrument of a strategy is entered as the part of the configuration says that names it', () => {
  const resting = { kind: 'limit', offsetBps: 5, workMs: 1_000, postOnly: false } as const;
  const of = entriesOf({
    strategies: [
      configured('main', ['BTC/USDT'], '100', { kind: 'market' }),
      configured('main', ['ETH/USDT', 'SOL/USDT'], '50', resting),
      configured('desk', ['BTC/USDT'], '10', resting),
    ],
  });
  const asked = [
    ['main', 'BTC/USDT'],
    ['main', 'ETH/USDT'],
    ['main', 'SOL/USDT'],
    ['desk', 'BTC/USDT'],
    ['desk', 'ETH/USDT'],
  ] as const;
  expect(asked.map(([account, instrument]) => of(account, 'momentum', instrument))).toEqual([
    { sizing: { kind: 'fixedNotional', notional: '100' }, execution: { kind: 'market' } },
    { sizing: { kind: 'fixedNotional', notional: '50' }, execution: resting },
    { sizing: { kind: 'fixedNotional', notional: '50' }, execution: resting },
    { sizing: { kind: 'fixedNotional', notional: '10' }, execution: resting },
    undefined,
  ]);
  expect(of('main', 'reversion', 'BTC/USDT')).toBeUndefined();
});
