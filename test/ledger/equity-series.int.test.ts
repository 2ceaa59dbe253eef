import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import { rebuildLedger } from '../../api/ledger/rebuild.js';
import { verifyLedger } from '../../api/ledger/verify.js';
import { amountOf, amountsOf, decimal, text, ZERO, type Amounts, type DecimalText } from '../../core/money/index.js';
import type { WatchRules } from '../../core/watch/rules.js';
import { sampleAccount, type Sample } from '../../core/watch/sample.js';
import { stepOf } from '../../core/watch/stretch.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type Answer, type ApiUnderTest } from '../support/api.js';
import { bookedStory, bookkeeper, type BookedStory } from '../support/booked-story.js';
import { testDatabase, type TestDatabase } from '../support/postgres.js';

const d = (value: string): DecimalText => value as DecimalText;
const RULES: WatchRules = {
  ...{ dailyLossWarnRatio: 0.9, dailyLossLimitRatio: 0.95, drawdownWarnRatio: 0.9, drawdownLimitRatio: 0.95 },
  ...{ venueUnreachableMs: 120_000, noMarketDataMs: 300_000, unmarkedPrices: {} },
};
const NO_AGES = { venueMs: 0, marketDataMs: 0, marketDataLimitMs: 300_000, comparedMs: 0 };

let store: TestDatabase;
let api: ApiUnderTest;
let main: BookedStory;
let account: string;
/** What is at the venue beside our ledger. */
let outside: Record<string, string>;
let count = 0;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
});
afterAll(() => store?.drop());
beforeEach(async () => {
  api = apiUnderTest(store);
  await open();
});
afterEach(() => api.close());

const keyOf = async (): Promise<string> =>
  (await store.pool.query<{ key: string }>(`select key_id as key from api_keys where subject = 'bookkeeper'`)).rows[0]?.key ??
  bookkeeper(store.pool);

async function open(): Promise<void> {
  count += 1;
  account = `main-${count}`;
  main = await bookedStory(store.pool, account, await keyOf());
  outside = {};
}

/** What the watch does each second, by its own parts: reads, reckons, writes. */
async function sample(
  price: string,
  { isReleased = false, unmarked = {} }: { isReleased?: boolean; unmarked?: Amounts } = {},
): Promise<Sample> {
  const watch = createWatchStore(store.pool);
  const inputs = await watch.read(account, []);
  if (inputs === undefined) throw new Error('no such account');
  const readings = { last: amountsOf(Object.entries(outside).map(([asset, of]) => [asset, decimal(of)])) };
  const seen = {
    ...{ ...inputs, latch: isReleased ? ('released' as const) : ('none' as const), ages: NO_AGES, isReadingFresh: true },
    readings: { ...readings, before: readings.last },
    prices: {
      ...{ quote: 'USDT', instruments: ['BTC/USDT'], markMaxAgeMs: 1_000, unmarkedPrices: unmarked },
      marks: { 'BTC/USDT': { price: d(price), ageMs: 0 } },
    },
  };
  const made = sampleAccount(account, inputs.state, seen, RULES);
  const { state, equity, figures } = made;
  const told = { ...{ quote: 'USDT', state, equity, figures, exposure: undefined, details: {}, mode: undefined, outage: undefined } };
  const more = {
    audit: [],
    alerts: [],
    decidedTime: inputs.now,
    booking: inputs.booking,
    ledger: inputs.ledger,
    step: stepOf(inputs.state, made),
  };
  expect(await watch.write({ account, version: inputs.version, ...told, ...more })).toBe(true);
  return made;
}
/** Everything that is there becomes a minute older. */
const minute = () =>
  store.pool.query(`update account_equity set minute = minute - interval '1 minute' where account = $1`, [account]).then(() => undefined);
const buy = (units: number, price: number) => main.fill({ side: 'buy', units, price, fee: 1, feeAsset: 'USDT', strategy: 'momentum' });
const sell = (units: number, price: number) => main.fill({ side: 'sell', units, price, fee: 1, feeAsset: 'USDT', strategy: 'momentum' });
const verify = (since?: number) => verifyLedger(api.context.database, account, since);
const names = async (): Promise<readonly string[]> =>
  (await verify()).differences.map(({ what, of }) => `${what} ${of.replace(/ \(\d+\)|[\d-]+T\S+ ?/g, '').replace(/ to $/, '')}`);
const rebuild = (): Promise<Answer> => askAs(api.server, KEYS.risk, 'POST', '/v1/ledger/rebuild', { account, reason: 'a disk lied' });
async function rows(): Promise<readonly object[]> {
  const series = await store.pool.query<{ row: object }>(
    `select to_jsonb(e) - 'minute' as row from account_equity e where account = $1 order by stretch_id`,
    [account],
  );
  const newest = await store.pool.query<{ row: object }>(`select to_jsonb(w) - 'version' as row from account_watch w where account = $1`, [
    account,
  ]);
  return [...series.rows, ...newest.rows].map(({ row }) => row);
}

/** Minutes of an account that trades, is paid into and paid out of, and goes on from a halt. */
async function story(): Promise<void> {
  await sample('100');
  await buy(3, 100);
  await sample('90');
  await sample('120');
  await minute();
  await sample('110');
  outside = { USDT: '500' };
  await sample('110');
  await sell(1, 115);
  await sample('115');
  await minute();
  outside = { USDT: '300' };
  await sample('80');
  await sample('70', { isReleased: true });
  await sample('75', { unmarked: { BNB: d('2') } });
}

test('each point follows from the entries, what is beside them and its prices; peak, day and losses from the points', async () => {
  await story();
  const found = await verify();
  expect(found).toMatchObject({ fills: 2, differences: [] });
  // Three minutes, and a stretch more for each of two flows but that which begins a minute, a peak begun anew, and another price.
  expect(found.equityPoints).toBe(4 * 6);
  expect(await rebuild()).toMatchObject({ status: 200, body: { changed: [] } });
  expect((await verify(Date.now() + 60_000)).equityPoints).toBe(0);
  const cli = await askAs(api.server, KEYS.auditor, 'GET', `/v1/ledger/verify?account=${account}&days=1`);
  expect(cli).toMatchObject({ status: 200, body: { equityPoints: 24, differences: [] } });
});

const OF_FIRST = (): string =>
  `account = '${account}' and stretch_id = (select min(stretch_id) from account_equity where account = '${account}')`;
const OF_LAST = (): string =>
  `account = '${account}' and stretch_id = (select max(stretch_id) from account_equity where account = '${account}')`;

test.each([
  ['the highest', () => `update account_equity set highest = highest + 50 where ${OF_FIRST()}`, ['equity highest']],
  ['the lowest', () => `update account_equity set lowest = 1 where ${OF_FIRST()}`, ['equity lowest']],
  ['the last', () => `update account_equity set closing = closing + 7 where ${OF_LAST()}`, ['equity closing']],
  ['a peak', () => `update account_equity set peak = peak + 7 where ${OF_FIRST()}`, ['performance peak']],
  [
    'what a day opened with',
    () => `update account_equity set day_opening = 3, day_basis = 5 where account = '${account}'`,
    ['performance dayOpening', 'performance dayBasis'],
  ],
  ['the peak that the watch goes on from', () => `update account_watch set peak = 99999 where account = '${account}'`, ['watch peak']],
  ['the newest equity', () => `update account_watch set known_equity = 5 where account = '${account}'`, ['watch equity']],
  [
    'what is lost',
    () => `update account_watch set drawdown_ratio = 0.9, daily_pnl = 3 where account = '${account}'`,
    ['watch dailyPnl', 'watch drawdownRatio'],
  ],
])('damage to %s is named, and written anew under a name', async (_, sql, found) => {
  await story();
  const before = await rows();
  await store.pool.query(sql());
  expect(await names()).toEqual(found);
  expect(await rebuild()).toMatchObject({ status: 200 });
  expect([await names(), await rows()]).toEqual([[], before]);
  const { rows: told } = await store.pool.query<{ subject: string; of: string }>(
    `select subject, data->>'what' as of from audit_events where kind = 'ledger.rebuilt' and account = $1`,
    [account],
  );
  expect(told.map(({ of }) => of)).toEqual(found.map((one) => one.split(' ')[0]));
  expect(new Set(told.map(({ subject }) => subject))).toEqual(new Set(['risk']));
  // The watch goes on from it.
  await sample('76', { unmarked: { BNB: d('2') } });
  expect(await names()).toEqual([]);
});

test('equity that was reckoned beside a damaged balance is told and reckoned anew, as is what was taken for a flow', async () => {
  await sample('100');
  await buy(3, 100);
  await sample('100');
  await minute();
  await store.pool.query(`update ledger_balances set quantity = quantity + 200 where account = $1 and asset = 'USDT'`, [account]);
  await sample('101');
  await minute();
  // Two readings in a row show what the venue holds, beside the wrong ledger.
  outside = { USDT: '-200' };
  await sample('102');
  const wrong = await names();
  expect(wrong).toEqual(
    expect.arrayContaining(['balance USDT', `outside beside the ledger, ${await lastOutside()} USDT`, 'equity opening']),
  );
  expect(await rebuild()).toMatchObject({ status: 200 });
  expect(await names()).toEqual([]);
  const { rows: series } = await store.pool.query<{ opening: string; peak: string; day_flows: string }>(
    `select trim_scale(opening) as opening, trim_scale(peak) as peak, trim_scale(day_flows) as day_flows from account_equity where account = $1 order by stretch_id`,
    [account],
  );
  // 1000 at first; three at 100 for 300 and a fee of 1; then what the price did, and nothing else.
  expect(series).toEqual([
    { opening: '1000', peak: '1000', day_flows: '0' },
    { opening: '1002', peak: '1002', day_flows: '0' },
    { opening: '1005', peak: '1005', day_flows: '0' },
  ]);
});
const lastOutside = async (): Promise<number> =>
  (await store.pool.query<{ id: number }>(`select max(outside_id)::int as id from account_outside`)).rows[0]?.id ?? 0;

test('a point of which nobody can say any more what it was made of is told, and left as it is', async () => {
  await story();
  const [before] = await rows();
  await store.pool.query(`update account_equity set highest_of = jsonb_set(highest_of, '{prices}', '{}') where ${OF_FIRST()}`);
  const { differences } = await verify();
  expect(differences.map(({ what, rebuilt }) => [what, rebuilt])).toEqual([
    ['equity', 'not known'],
    ['equity', 'not known'],
  ]);
  expect(await rebuild()).toMatchObject({ status: 200, body: { changed: [] } });
  expect((await rows())[0]).toMatchObject({ highest: (before as { highest: unknown }).highest });
});

test('what an earlier build has written is shown, and where it ends what follows begins', async () => {
  await sample('100');
  await buy(3, 100);
  await sample('120');
  // A build that tells neither fill nor step, beside this one: even a flow within it is no difference.
  const older = async (equity: string, peak: string): Promise<void> => {
    const { rows: had } = await store.pool.query<{ version: string; day: string }>(
      `select version::text, day::text from account_watch where account = $1`,
      [account],
    );
    const performance = { equity, peak, day: Number(had[0]?.day), dayOpening: '1000', dayFlows: '7', dayBasis: '1007' };
    const told = {
      account,
      version: had[0]?.version,
      quote: 'USDT',
      equity,
      performance,
      pricing: { quote: 'USDT', assets: {} },
      external: {},
      runs: {},
      details: {},
    };
    expect(
      (await store.pool.query<{ answer: string | null }>('select write_watch_sample($1) as answer', [told])).rows[0]?.answer,
    ).not.toBeNull();
  };
  await older('1500', '1500');
  await older('1400', '1500');
  await sample('110');
  await buy(1, 110);
  await sample('130');
  const found = await verify();
  expect(found).toMatchObject({ equityPoints: 8, differences: [] });
  const shown = await askAs(api.server, KEYS.auditor, 'GET', `/v1/ledger/equity?account=${account}&minutes=1440`);
  expect(shown.body['equity']).toMatchObject([{ opening: '1000', highest: '1500', closing: '1108' }]);
  await store.pool.query(`update account_equity set peak = peak + 1 where ${OF_LAST()}`);
  expect(await names()).toEqual(['performance peak']);
});

test.each([
  [
    'is unexplained',
    `unexplained = '{"assets": {"USDT": {"quantity": "90", "worth": "90"}}, "share": "0.5", "dayShare": "0.5", "dayWorth": "90"}'`,
  ],
  ['moves', 'moving_since = 1'],
])('what %s stays in the figures of the watch while the series is written anew', async (_what, beside) => {
  await story();
  const figures = async (): Promise<object | undefined> =>
    (await store.pool.query<object>('select daily_pnl, daily_loss_ratio, drawdown_ratio from account_watch where account = $1', [account]))
      .rows[0];
  await store.pool.query(
    `update account_watch set ${beside}, daily_pnl = -5000, daily_loss_ratio = 0.75, drawdown_ratio = 0.8, peak = peak + 1 where account = $1`,
    [account],
  );
  const kept = await figures();
  expect(await names()).toEqual(['watch peak']);
  expect((await rebuild()).status).toBe(200);
  expect(await names()).toEqual([]);
  expect(await figures()).toEqual(kept);
});

/** By the API's parts, over a database of whose statements each is looked at first. */
async function rebuiltWhile(asked: (sql: string) => Promise<void>): Promise<void> {
  const { database } = api.context;
  const watched: typeof database = {
    async query(sql, values) {
      await asked(sql);
      return database.query(sql, values);
    },
  };
  const { rows: keys } = await store.pool.query<{ keyId: string }>(`select key_id as "keyId" from api_keys where subject = 'risk'`);
  const caller = { subject: 'risk', name: 'risk', roles: ['risk' as const], keyId: keys[0]?.keyId ?? '' };
  await rebuildLedger(watched, caller, { account, reason: 'a disk lied' });
}

test('a sample that is written while the series is reckoned is neither lost nor written over', async () => {
  await story();
  await store.pool.query(`update account_equity set highest = highest + 50 where ${OF_FIRST()}`);
  let writes = 0;
  await rebuiltWhile(async (sql) => {
    if (sql.includes('rebuild_equity_series') && (writes += 1) === 1) await sample('300', { unmarked: { BNB: d('2') } });
  });
  expect([writes, await names()]).toEqual([2, []]);
});

test('a watch that writes a sample for each statement that reads or writes the whole ledger keeps nothing from being written anew', async () => {
  await story();
  await store.pool.query(`update account_equity set highest = highest + 50 where ${OF_FIRST()}`);
  await store.pool.query(`update ledger_balances set quantity = quantity + 1 where account = $1 and asset = 'USDT'`, [account]);
  let samples = 0;
  await rebuiltWhile(async (sql) => {
    if (!/rebuild_ledger|from ledger_entries|from (standing_)?fills/.test(sql)) return;
    samples += 1;
    await sample(String(100 + samples), { unmarked: { BNB: d('2') } });
  });
  expect(samples).toBeGreaterThan(2);
  // What the watch had written over the damage it reckons anew as well.
  expect(await names()).toEqual([]);
});

test('any run of samples, fills and flows is a series that follows, and its points are what the account was worth', async () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('fill' as const), units: fc.integer({ min: 1, max: 4 }), isBuy: fc.boolean() }),
    fc.record({ kind: fc.constant('price' as const), price: fc.integer({ min: 50, max: 150 }) }),
    fc.record({ kind: fc.constant('flow' as const), usdt: fc.integer({ min: -300, max: 300 }), btc: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ kind: fc.constant('minute' as const) }),
    fc.record({ kind: fc.constant('released' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 14 }), async (acts) => {
      await open();
      let [price, held, cash] = ['100', 0, decimal('1000')];
      await sample(price);
      for (const one of acts) {
        if (one.kind === 'fill') {
          const units = one.isBuy ? one.units : Math.min(one.units, held);
          if (units === 0) continue;
          await (one.isBuy ? buy(units, 100) : sell(units, 100));
          held += one.isBuy ? units : -units;
          cash = cash.plus((one.isBuy ? -100 : 100) * units - 1);
        } else if (one.kind === 'price') price = String(one.price);
        else if (one.kind === 'flow') outside = { USDT: String(one.usdt), BTC: String(one.btc) };
        else if (one.kind === 'minute') await minute();
        const { equity } = await sample(price, { isReleased: one.kind === 'released' });
        const beside = (asset: string) => amountOf(amountsOf(Object.entries(outside).map(([name, of]) => [name, decimal(of)])), asset);
        const btc = beside('BTC').plus(held);
        expect(equity).toBe(text(cash.plus(beside('USDT')).plus(btc.mul(price)).plus(ZERO)));
      }
      expect((await verify()).differences).toEqual([]);
    }),
    { numRuns: 25 },
  );
});
