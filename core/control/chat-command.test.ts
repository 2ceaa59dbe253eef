import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChatCommand } from './chat-command.js';

describe('what is asked for in a chat', () => {
  it.each([
    ['/kill everything', { scope: 'everything', scopeValue: '' }, 'none'],
    ['/kill@our_bot  Everything SELL', { scope: 'everything', scopeValue: '' }, 'atOnce'],
    ['/kill account main', { scope: 'account', scopeValue: 'main' }, 'none'],
    ['/kill venue kraken sell', { scope: 'venue', scopeValue: 'kraken' }, 'atOnce'],
    ['/kill strategy momentum main', { scope: 'strategy', scopeValue: 'momentum', account: 'main' }, 'none'],
    ['/kill instrument BTC/USDT', { scope: 'instrument', scopeValue: 'BTC/USDT' }, 'none'],
  ] as const)('%s', (text, scope, policy) => {
    expect(parseChatCommand(text)).toEqual({ kind: 'kill', scope, policy });
  });

  it.each([
    '/kill',
    '/kill sell',
    '/kill all',
    '/kill everything main',
    '/kill account',
    '/kill account main other',
    '/kill strategy a b c',
    '/confirm',
    '/confirm a b',
  ])('%s says too little or too much, and halts nothing', (text) => {
    expect(parseChatCommand(text)).toEqual({ kind: 'malformed' });
  });

  it('people may talk, and whatever they say is read', () => {
    expect(parseChatCommand('kill everything')).toBeUndefined();
    expect(parseChatCommand('/killer everything')).toBeUndefined();
    expect(parseChatCommand('/confirm 1a2b')).toEqual({ kind: 'confirm', code: '1a2b' });
    fc.assert(fc.property(fc.string(), (text) => parseChatCommand(text.replace(/^\s*\//, '')) === undefined));
  });
});
