import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WatchInputs, WatchSample } from '../../activities/ports/watch.js';
import type { DecimalText } from '../../core/money/index.js';
import { dayOf } from '../../core/watch/performance.js';
import { UNWATCHED } from '../../core/watch/sample.js';
import { bookedStory, bookkeeper } from '../../test/support/booked-story.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openPool } from './pool.js';
import { createWatchStore } from './watch-store.js';

const DAY_MS = 86_400_000;
let database: TestDatabase;
let pool: ReturnType<typeof openPool>;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  await database.pool.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await database.pool.query(`insert into control (account) values ('main')`);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const read = async (): Promise<WatchInputs> => {
  const inputs = await createWatchStore(pool).read('main', []);
  if (inputs === undefined) throw new Error('the account is set up');
  return inputs;
};
const sampleOf = ({ version, now, state }: WatchInputs): WatchSample => ({
  ...{ account: 'main', version, decidedTime: now, quote: 'USDT', state, equity: undefined, figures: undefined, exposure: undefined },
  ...{ booking: '0', ledger: {}, step: undefined, details: {}, mode: undefined, outage: undefined, audit: [], alerts: [] },
});

it('what each fill has moved is told by the order in which they were booked, fees included, and nothing that is no fill of ours', async () => {
  const story = await bookedStory(database.pool, 'filled', await bookkeeper(database.pool));
  const store = createWatchStore(pool);
  const booking = async (): Promise<string> => (await store.read('filled', []))?.booking ?? '';
  const fill = { units: 2, price: 10, feeAsset: 'BNB', strategy: 'momentum' } as const;
  const none = await booking();
  await story.fill({ ...fill, side: 'buy', fee: 1 });
  const first = await booking();
  await story.fill({ ...fill, side: 'buy', fee: 3, feeAsset: 'USDT' });
  await story.fill({ ...fill, side: 'sell', units: 1, fee: 0 });
  const third = await booking();
  await story.fill({ ...fill, side: 'sell', fee: 0, strategy: null });
  const [bought, alsoBought, sold] = [
    { BTC: '2', USDT: '-20', BNB: '-1' },
    { BTC: '2', USDT: '-23' },
    { BTC: '-1', USDT: '10' },
  ];
  expect(await store.fillsBetween('filled', none, await booking())).toEqual([sold, alsoBought, bought]);
  expect(await store.fillsBetween('filled', first, third)).toEqual([sold, alsoBought]);
  expect(await store.fillsBetween('filled', third, third)).toEqual([]);
});

describe('a sample of the account watch', () => {
  it('that everything has stood still over since it was decided is dropped, with all that follows from it', async () => {
    const store = createWatchStore(pool);
    const first = await read();
    expect(await store.write(sampleOf(first))).toBe(true);
    const inputs = await read();
    const unknown = { equityUnknown: { since: inputs.now - 3_600_000, samples: 1, countedTime: inputs.now - 3_600_000 } };
    const asleep: WatchSample = {
      ...sampleOf(inputs),
      decidedTime: inputs.now - 3_600_000,
      state: { ...UNWATCHED, runs: unknown },
      mode: { mode: 'paused', cause: 'equityUnknown', reason: 'a test' },
      alerts: [{ key: 'a', severity: 'error', condition: 'equityUnknown', summary: 'a test' }],
    };
    expect(await store.write(asleep)).toBe(false);
    // A clock that was set back is no other.
    expect(await store.write({ ...asleep, decidedTime: inputs.now + 3_600_000 })).toBe(false);
    const after = await read();
    // So the next one knows that nobody has looked, and begins anew.
    expect(after).toMatchObject({ version: inputs.version, lastTime: inputs.lastTime, mode: 'normal', state: { runs: {} } });
    expect((await database.pool.query(`select from alerts where kind = 'watch.equityUnknown'`)).rowCount).toBe(0);
    expect(await store.write({ ...asleep, decidedTime: after.now })).toBe(true);
    expect(await read()).toMatchObject({ mode: 'paused', state: { runs: unknown } });
  });
});

describe('a day that is to come, as after a clock that ran past midnight', () => {
  const performance = (day: number, equity: string, dayOpening: string) => {
    const [worth, opening, none] = [equity, dayOpening, '0'] as unknown as readonly [DecimalText, DecimalText, DecimalText];
    return { equity: worth, peak: opening, day, dayOpening: opening, dayFlows: none, dayBasis: opening };
  };

  it('is told with what was kept last of today, and with nothing where there is none', async () => {
    const store = createWatchStore(pool);
    const written = async (known: ReturnType<typeof performance>): Promise<void> => {
      const inputs = await read();
      const state = { ...UNWATCHED, performance: known, external: {}, pricing: { quote: 'USDT', assets: {} } };
      const sample = { ...sampleOf(inputs), equity: known.equity, state };
      expect(await store.write(sample)).toBe(true);
    };
    const today = dayOf((await read()).now);
    expect((await read()).today).toBeUndefined();
    await written(performance(today, '98', '100'));
    await written(performance(today, '95', '100'));
    expect((await read()).today).toBeUndefined();
    // Two days, so that midnight is of no matter here.
    await written(performance(today + 2 * DAY_MS, '94', '95'));
    expect((await read()).today).toEqual({ equity: '95', dayOpening: '100', dayFlows: '0', dayBasis: '100' });
    await database.pool.query(`update account_watch set quote = 'USDC' where account = 'main'`);
    expect((await read()).today).toBeUndefined();
  });
});
