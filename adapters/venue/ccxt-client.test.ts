import { expect, it } from 'vitest';
import { ccxtClasses } from './ccxt-classes.js';
import { refillWhenQuiet } from './ccxt-client.js';
import { KRAKEN } from './profiles/kraken.js';

interface Limiter {
  readonly config: { readonly tokens: number };
}

it('what a venue gives back in quiet times is there for the next request, up to what it allows at once', async () => {
  const { rest } = await ccxtClasses('kraken');
  const client = new rest({ ...KRAKEN.limiter, enableRateLimit: true });
  const { config } = (client as unknown as { readonly throttler: Limiter }).throttler;
  let now = 1_000_000;
  refillWhenQuiet(client, () => now);
  // Fifteen reads at once are what the lowest tier allows.
  await Promise.all(Array.from({ length: 15 }, () => client.throttle(3)));
  expect(config.tokens).toBe(0);
  now += 30_000;
  await client.throttle(3);
  expect(config.tokens).toBe(27);
  now += 3_600_000;
  await client.throttle(3);
  expect(config.tokens).toBe(42);
  // Nothing comes back where no time has passed.
  await client.throttle(3);
  expect(config.tokens).toBe(39);
});
