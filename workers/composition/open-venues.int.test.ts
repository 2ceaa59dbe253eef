import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import type { Config } from '../../config/index.js';
import { TEST_KEY, TEST_SECRET } from '../../exchange/testing/open-venue.js';
import { ACCOUNT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { openVenues } from './configuration.js';
import type { WorkerProcess } from './process.js';

let stack: TradingStack;
beforeAll(async () => {
  stack = await openTradingStack();
});
afterAll(() => stack?.close());

const opening = async (secret: string, inventory?: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  const { rest, stream, wsApi } = stack.addresses;
  const config = {
    accounts: { [ACCOUNT]: { venue: 'paper', ...(inventory === undefined ? {} : { inventory }) } },
    venues: { paper: { profile: 'binance', paper: true, urls: { rest, stream, wsApi } } },
    strategies: [],
  } as unknown as Config;
  const venues = await openVenues(
    {
      config,
      env: { EXCHANGE_API_KEY: TEST_KEY, EXCHANGE_API_SECRET: secret },
      log: pino({ level: 'silent' }),
      clock: Date.now,
      control: createControlStore(stack.pool),
      market: createMarketStore(stack.pool),
      orders: stack.dependencies.store,
    } as unknown as WorkerProcess,
    (venue: Venue) => venue,
  );
  try {
    venues.of(ACCOUNT);
    return [];
  } catch (error) {
    return [String(error)];
  } finally {
    await venues.close();
  }
};
const told = async (): Promise<unknown[]> =>
  (await stack.pool.query(`select data->>'code' as code from incidents where kind = 'accountRefused'`)).rows;

it.each([
  ['what it held at onboarding', undefined],
  ['what is configured', { BTC: '0' }],
])('an account is open where its venue takes its key, and else people are told, whether it is reckoned from %s', async (_, inventory) => {
  expect(await opening(TEST_SECRET, inventory)).toEqual([]);
  expect(await told()).toEqual([]);
  expect(await opening('not-the-secret', inventory)).toEqual([expect.stringContaining('VENUE_AUTH')]);
  expect(await told()).toEqual([{ code: 'VENUE_AUTH' }]);
  await stack.pool.query('delete from incidents');
});
