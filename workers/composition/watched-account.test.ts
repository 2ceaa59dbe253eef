import { expect, test } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { BINANCE } from '../../adapters/venue/profiles/binance.js';
import { KRAKEN } from '../../adapters/venue/profiles/kraken.js';
import { loadConfig } from '../../config/index.js';
import { watchedAccount } from './watched-account.js';

const config = loadConfig({ path: new URL('../../keelson.config.json', import.meta.url).pathname, env: {} });
const at = (profile: Venue['profile']): Venue => ({ profile }) as Partial<Venue> as Venue;
const HOURS = 3_600_000;

test('an account is watched as its configuration says, each instrument once, by its shortest bars', () => {
  const traded = [
    { instrument: 'BTC/USDC', intervalMs: 4 * HOURS },
    { instrument: 'BTC/USDC', intervalMs: HOURS },
    { instrument: 'ETH/USDC', intervalMs: HOURS },
  ];
  expect(watchedAccount(config, 'main', at(BINANCE), traded)).toMatchObject({
    quote: 'USDC',
    instruments: [traded[1], traded[2]],
    markMaxAgeMs: 3_000,
    settings: { venueUnreachableMs: 120_000, noMarketDataMs: 300_000 },
  });
});

test('a streamed price is young however long the bars are; one that comes with the bars is as old as they', () => {
  const [strategy] = config.strategies;
  const slow = { ...config, strategies: strategy ? [{ ...strategy, interval: '4h' as const }] : [] };
  expect(watchedAccount(slow, 'main', at(BINANCE), []).markMaxAgeMs).toBe(60_000);
  expect(watchedAccount(slow, 'main', at(KRAKEN), []).markMaxAgeMs).toBe(12 * HOURS);
});
