import { expect, it } from 'vitest';
import { nobodyHas, nothingHalted } from './nobody.js';

it('a halt of what nobody has says so, and which names there are', () => {
  expect(nothingHalted({ scope: 'strategy', scopeValue: 'momentun' }, 'an-id', ['momentum', 'reversion'])).toBe(
    'NOTHING IS HALTED: no account trades or holds anything of strategy momentun. Known: momentum, reversion. The latch stands (an-id), over what comes under it later.',
  );
  expect(nobodyHas({ scope: 'instrument', scopeValue: 'BTC/USD', account: 'main' }, [])).toBe(
    'no account trades or holds anything of instrument BTC/USD in main. Known: none.',
  );
  expect(nobodyHas({ scope: 'account', scopeValue: 'mian' }, ['main'])).toBe('no account is under account mian. Known: main.');
  expect(nobodyHas({ scope: 'everything', scopeValue: '' }, [])).toBe('no account is under everything. Known: none.');
  const many = nobodyHas(
    { scope: 'venue', scopeValue: 'x' },
    Array.from({ length: 31 }, (_, index) => `v${index}`),
  );
  expect(many).toMatch(/v29, …\.$/);
});
