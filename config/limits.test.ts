import { expect, test } from 'vitest';
import { limitsOf, loadConfig } from './index.js';

const config = loadConfig({ path: new URL('../keelson.config.json', import.meta.url).pathname, env: {} });

test('the age of a price follows the strategies of the account unless the file says it', () => {
  expect(limitsOf(config, 'main').priceMaxAgeMs).toBe(3_000);
  const [strategy] = config.strategies;
  const slower = { ...config, strategies: strategy ? [{ ...strategy, interval: '4h' as const }] : [] };
  expect(limitsOf(slower, 'main').priceMaxAgeMs).toBe(43_200_000);
  expect(limitsOf({ ...config, strategies: [] }, 'main').priceMaxAgeMs).toBe(2_000);
  const main = config.limits['main'];
  if (main === undefined) throw new Error('the default has no limits');
  expect(limitsOf({ ...config, limits: { main: { ...main, priceMaxAgeMs: 700 } } }, 'main').priceMaxAgeMs).toBe(700);
});

test('an account without limits is named', () => {
  expect(() => limitsOf(config, 'ghost')).toThrow('INPUT_UNKNOWN_ACCOUNT: There is no account ghost. Known: main.');
});
