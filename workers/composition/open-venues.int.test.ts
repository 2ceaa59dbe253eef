import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import type { Config } from '../../config/index.js';
import { TEST_KEY, TEST_SECRET } from '../../exchange/testing/open-venue.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { openVenues } from './configuration.js';
import type { WorkerProcess } from './process.js';

let stack: TradingStack;
beforeAll(async () => {
  stack = await openTradingStack();
});
afterAll(() => stack?.close());

const opening = async (
  secret: string,
  inventory?: Readonly<Record<string, string>>,
  instruments: readonly string[] = [],
): Promise<readonly string[]> => {
  const { rest, stream, wsApi } = stack.addresses;
  const config = {
    accounts: { [ACCOUNT]: { venue: 'paper', ...(inventory === undefined ? {} : { inventory }) } },
    venues: { paper: { profile: 'binance', paper: true, urls: { rest, stream, wsApi } } },
    strategies: [{ account: ACCOUNT, instruments }],
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
it('accounts at one address know its clock by the same readings', async () => {
  const { rest, stream, wsApi } = stack.addresses;
  const accounts = [ACCOUNT, `${ACCOUNT}-other`];
  const config = {
    accounts: Object.fromEntries(accounts.map((account) => [account, { venue: 'paper', inventory: { BTC: '0' } }])),
    venues: { paper: { profile: 'binance', paper: true, urls: { rest, stream, wsApi } } },
    strategies: [],
  } as unknown as Config;
  const parts = {
    control: { onboard: () => undefined, onboarded: () => [] },
    market: createMarketStore(stack.pool),
    orders: stack.dependencies.store,
  };
  const env = { EXCHANGE_API_KEY: TEST_KEY, EXCHANGE_API_SECRET: TEST_SECRET };
  const process = { config, env, log: pino({ level: 'silent' }), clock: Date.now, ...parts } as unknown as WorkerProcess;
  const venues = await openVenues(process, (venue: Venue) => venue);
  try {
    const [one, other] = await Promise.all(accounts.map((account) => venues.opened(account)));
    await eventually(() => expect(one?.lastClock()).toBe(other?.lastClock()));
    const before = one?.lastClock();
    await eventually(() => expect(other?.lastClock()).not.toBe(before));
    expect(one?.lastClock()).toBe(other?.lastClock());
  } finally {
    await venues.close();
  }
});

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

describe('an instrument that the venue does not list (any more)', () => {
  const MISTYPED = 'BTC/USTD';
  const GONE = 'GONE/USDT';
  const rows = async (query: string): Promise<readonly unknown[]> => (await stack.pool.query<object>(query)).rows;
  const toldOf = (): Promise<readonly unknown[]> =>
    rows(`select data->>'instrument' as told, closed_at is null as open from incidents where kind = 'instrumentNotListed' order by 1`);
  const rulesOf = (instrument: string): Promise<readonly unknown[]> =>
    rows(`select rules->>'trading' as trading, rules->>'status' as status from instruments where instrument = '${instrument}'`);

  it('keeps nobody from the others of its account: people are told, it is entered no more, and that it is listed again is told, too', async () => {
    await stack.pool.query(
      `insert into instruments select venue, $2, rules || jsonb_build_object('instrument', $2::text) from instruments where instrument = $1`,
      [INSTRUMENT, GONE],
    );
    expect(await opening(TEST_SECRET, undefined, [MISTYPED, INSTRUMENT, GONE])).toEqual([]);
    expect(await told()).toEqual([]);
    expect(await toldOf()).toEqual([
      { told: MISTYPED, open: true },
      { told: GONE, open: true },
    ]);
    expect(await rulesOf(GONE)).toEqual([{ trading: 'false', status: 'notListed' }]);
    expect(await rulesOf(INSTRUMENT)).toEqual([{ trading: 'true', status: 'TRADING' }]);
    expect(await rulesOf(MISTYPED)).toEqual([]);
    expect(await rows(`select data->>'instrument' as changed from audit_events where kind = 'instrument.changed'`)).toEqual([
      { changed: GONE },
    ]);
    // Once, however often it is opened.
    expect(await opening(TEST_SECRET, undefined, [MISTYPED, INSTRUMENT, GONE])).toEqual([]);
    expect(await toldOf()).toHaveLength(2);
  });

  it('alone opens an account that was open before, and refuses one that is new: that is a mistake in its configuration', async () => {
    expect(await opening(TEST_SECRET, undefined, [GONE])).toEqual([]);
    await stack.pool.query('update accounts set onboarded_at = null');
    await expect(opening(TEST_SECRET, undefined, [MISTYPED])).rejects.toMatchObject({
      failure: { code: 'RISK_INSTRUMENT_UNKNOWN', values: { instrument: MISTYPED } },
    });
  });
});
