import { expect, test } from 'vitest';
import { askedText } from './asked-text.js';

test.each([
  [{ mode: 'paused' }, 'resume main from paused to normal'],
  [{ mode: 'paused', payload: { mode: 'reduceOnly' } }, 'mode main from paused to reduceOnly'],
  [{ action: 'runbook', payload: { runbook: 'gracefulShutdown' } }, 'runbook gracefulShutdown main'],
  [{ action: 'rearm', payload: { scope: 'everything', scopeValue: '', latchId: 'l' } }, 'rearm everything (halt l)'],
  [
    {
      action: 'loosenLimit',
      payload: { key: 'maxOpenOrders', scope: 'account', scopeValue: 'main', account: null, from: '5', value: null },
    },
    'limit maxOpenOrders of account main from 5 to none',
  ],
  [
    {
      action: 'loosenLimit',
      payload: { key: 'maxOpenOrders', scope: 'strategy', scopeValue: 'momentum', account: 'main', from: null, value: '9' },
    },
    'limit maxOpenOrders of strategy momentum main from unset to 9',
  ],
  [
    {
      action: 'overrideLimit',
      payload: { key: 'maxOrderNotional', value: '9', strategy: null, instrument: 'BTC/USDT', isForOneOrder: true, validForMs: 1_800_000 },
    },
    'override maxOrderNotional 9 for one order of main BTC/USDT, 30 min',
  ],
  [
    {
      action: 'overrideLimit',
      payload: { key: 'maxOrderNotional', value: '9', instrument: 'BTC/USDT', isForOneOrder: false, validForMs: 9_000_000 },
    },
    'override maxOrderNotional 9 for every order of main BTC/USDT, 150 min',
  ],
  [{ action: 'newer' }, 'newer main'],
])('%o is %s', (change, text) => {
  expect(askedText({ action: 'resume', account: 'main', payload: {}, ...change })).toBe(text);
});
