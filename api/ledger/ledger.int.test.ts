import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postingsOf, type EntryKind } from '../../core/ledger/double-entry.js';
import { ZERO, decimal, type DecimalText } from '../../core/money/index.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type ApiUnderTest } from '../../test/support/api.js';
import { bookedStory, bookkeeper, STORY_DAY, type BookedStory } from '../../test/support/booked-story.js';
import { ODD, seedOf, unitFill, type UnitFill } from '../../test/support/fills.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { FeesReport, FillsReport, PnlReport, PositionsReport, SlippageReport, StatementReport } from './schemas.js';
import { verifyLedger } from './verify.js';

const SEED = seedOf('rebuild on Postgres');
const { day: DAY, from: FROM } = STORY_DAY;

let store: TestDatabase;
let api: ApiUnderTest;
let keyId: string;
let main: BookedStory;

const buy = (units: number, price: number, changed: Partial<UnitFill> = {}): UnitFill => ({
  ...{ side: 'buy', units, price, fee: 0, feeAsset: 'USDT', strategy: 'momentum' },
  ...changed,
});

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  keyId = await bookkeeper(store.pool);
  main = await bookedStory(store.pool, 'main', keyId);
  // The price of a fee in a third asset, and the mark of what is held.
  const bar = (instrument: string, interval: number, after: number, close: number): string =>
    `('paper', '${instrument}', ${interval}, ${FROM + after}, ${FROM + after + interval - 1}, ${Array(4).fill(close).join(', ')}, 1, 'stream')`;
  const bars = [bar('BNB/USDT', 1_000, 0, 300), bar('BNB/USDT', 60_000, -60_000, 200), bar('BTC/USDT', 1_000, 8_000, 150)];
  await store.pool.query(`insert into bars values ${bars.join(', ')}`);
  await main.fill(buy(4, 100, { fee: 2 }));
  await main.fill(buy(4, 120, { side: 'sell', fee: 1, feeAsset: 'BNB' }));
  await main.fill(buy(3, 90, { strategy: null }));
  await main.fill(buy(2, 100, { strategy: 'other', fee: 1, feeAsset: 'BTC' }));
  await main.move({ amount: '25' as DecimalText });
  await main.move({ kind: 'correction', amount: '-0.5' as DecimalText, asset: 'BNB' });
});
afterAll(() => store?.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const report = async <Report>(name: string, query = ''): Promise<Report> => {
  const answer = await askAs(api.server, KEYS.viewer, 'GET', `/v1/ledger/${name}?account=main&day=${DAY}${query}`);
  expect({ name, status: answer.status }).toEqual({ name, status: 200 });
  return answer.body as Report;
};
const damages = (found: { readonly differences: readonly { readonly what: string; readonly of: string }[] }): string[] =>
  found.differences.map(({ what, of }) => `${what} ${of}`);

describe('reports of a day', () => {
  test('the statement explains every asset', async () => {
    const { lines, isOver, results, equity } = await report<StatementReport>('statement');
    expect([isOver, equity]).toEqual([true, null]);
    const told = lines.map((line) => Object.values(line).join(' '));
    expect(told).toEqual(['BNB 5 0 -1 0 0 0 -0.5 0 3.5', 'BTC 0 5 -1 0 0 0 0 0 4', 'USDT 1000 -390 -2 25 0 0 0 0 633']);
    expect(results.map(({ strategy, realizedAverage, fees }) => [strategy, realizedAverage, fees])).toEqual([
      ['momentum', '-222', '302'],
      ['other', '0', '100'],
      [null, null, '0'],
    ]);
  });

  test('of a day before its onboarding it tells no holdings, and since when the account is kept; of that day it does', async () => {
    const of = async (day: string): Promise<StatementReport> =>
      (await askAs(api.server, KEYS.viewer, 'GET', `/v1/ledger/statement?account=main&day=${day}`)).body as StatementReport;
    expect(await of('2019-12-31')).toMatchObject({ onboardedTime: FROM, lines: [], results: [] });
    expect((await of(DAY)).lines.map(({ opening }) => opening)).toEqual(['5', '0', '1000']);
    // A day whose first hour is before it has them as well.
    const madrid = await askAs(api.server, KEYS.viewer, 'GET', `/v1/ledger/statement?account=main&day=${DAY}&zone=Europe/Madrid`);
    expect((madrid.body as StatementReport).lines.map(({ opening }) => opening)).toEqual(['5', '0', '1000']);
  });

  test('fills say whose they are, and what their fees were worth then', async () => {
    const { fills } = await report<FillsReport>('fills');
    expect(fills.map(({ strategy, origin, fee, feeAsset, feeValue }) => [strategy, origin, fee, feeAsset, feeValue])).toEqual([
      ['momentum', 'ours', '2', 'USDT', '2'],
      ['momentum', 'ours', '1', 'BNB', '300'],
      [null, 'foreign', '0', 'USDT', '0'],
      ['other', 'ours', '1', 'BTC', '100'],
    ]);
    const { fees } = await report<FeesReport>('fees');
    expect(fees.map(({ feeAsset, value }) => `${feeAsset} ${value}`)).toEqual(['USDT 2', 'BNB 300', 'BTC 100']);
  });

  test('fills of an order that a person has taken over from another hand are that hand’s: the strategy has them, and no slippage', async () => {
    const taken = await bookedStory(store.pool, 'taken', keyId);
    await taken.fill(buy(2, 100));
    await taken.fill(buy(3, 110), true);
    const of = async <Report>(name: string): Promise<Report> => {
      const { body } = await askAs(api.server, KEYS.viewer, 'GET', `/v1/ledger/${name}?account=taken&day=${DAY}`);
      return body as Report;
    };
    const { fills } = await of<FillsReport>('fills');
    expect(fills.map(({ strategy, origin }) => [strategy, origin])).toEqual([
      ['momentum', 'ours'],
      ['momentum', 'foreign'],
    ]);
    const listed = await askAs(api.server, KEYS.viewer, 'GET', '/v1/fills?account=taken');
    expect((listed.body as { fills: { origin: string }[] }).fills.map(({ origin }) => origin).sort()).toEqual(['foreign', 'ours']);
    expect((await of<PnlReport>('pnl')).results).toMatchObject([{ strategy: 'momentum', fills: 2, foreignFills: 1 }]);
    expect((await of<SlippageReport>('slippage')).orders.map(({ intentId }) => intentId)).toEqual(['taken-1']);
  });

  test('results, closed positions, and what is held, by both methods', async () => {
    const { results, total, closed } = await report<PnlReport>('pnl');
    expect(results).toEqual(total);
    expect(closed).toMatchObject([{ strategy: 'momentum', entryPrice: '100', exitPrice: '120', realizedFifo: '-222', fills: 2 }]);
    const { positions } = await report<PositionsReport>('positions');
    expect(positions.map((one) => [one.strategy, one.method, one.quantity, one.averagePrice, one.unrealizedPnl].join(' '))).toEqual([
      'other average 1 200 -50',
      'other fifo 1 200 -50',
      '    ',
    ]);
    expect(positions.at(-1)).toEqual({
      ...{ strategy: null, instrument: 'BTC/USDT', bought: '3', sold: '0', quantity: null, method: null, averagePrice: null },
      ...{ mark: '150', unrealizedPnl: null, realizedPnl: null },
    });
  });

  test('slippage is told of orders whose prices were noted', async () => {
    const data = { intentId: 'main-1', arrivalPrice: '99', arrivalMid: '100.5' };
    const other = { intentId: 'main-2', withoutMid: 'oldBook' };
    await store.pool.query(
      `insert into audit_events (kind, account, data) values ('order.authorised', 'main', $1), ('order.authorised', 'main', $2)`,
      [data, other],
    );
    const { orders } = await report<SlippageReport>('slippage');
    expect(orders).toHaveLength(3);
    expect(orders[0]).toMatchObject({
      ...{ averagePrice: '100', decision: null, arrival: { price: '99', bps: '101.0101', cost: '4' } },
      ...{ mid: { price: '100.5', bps: '-49.7512', cost: '-2' }, withoutMid: null },
    });
    expect(orders.slice(1).map(({ mid, withoutMid }) => [mid, withoutMid])).toEqual([
      [null, 'oldBook'],
      [null, 'notNoted'],
    ]);
  });

  test('equity is kept by the minute when the samples of the watch are gone', async () => {
    // As an earlier build writes them: without what they were made of.
    const sample = `select keep_equity(w, '{}') from jsonb_populate_record(null::account_watch,
      jsonb_build_object('account', 'main', 'sampled_at', to_timestamp($1), 'equity', $2::numeric)) w`;
    for (const [at, equity] of [
      [60, 100],
      [61, 130],
      [119, 90],
      [130, 95],
    ] as const) {
      await store.pool.query(sample, [FROM / 1_000 + at, equity]);
    }
    const points = await report<{ equity: object[] }>('equity', '&minutes=1');
    expect(points.equity).toEqual([
      { time: FROM + 60_000, opening: '100', highest: '130', lowest: '90', closing: '90' },
      { time: FROM + 120_000, opening: '95', highest: '95', lowest: '95', closing: '95' },
    ]);
    expect((await report<StatementReport>('statement')).equity).toMatchObject({ time: FROM, opening: '100', closing: '95' });
  });

  test('a day is a zone’s, and what is no day is refused', async () => {
    const { from, until } = await report<StatementReport>('statement', '&zone=Europe/Madrid');
    expect([from, until]).toEqual([FROM - 3_600_000, FROM + 82_800_000]);
    for (const query of ['day=2020-02-30', 'day=2020-01-01&zone=Nowhere/City', 'day=now', 'day=9999-01-01']) {
      expect(await askAs(api.server, KEYS.auditor, 'GET', `/v1/ledger/fills?account=main&${query}`)).toMatchObject({ status: 400 });
    }
    expect(await askAs(api.server, KEYS.auditor, 'GET', '/v1/ledger/fills?account=nobody')).toMatchObject({ status: 404 });
  });
});

describe('a movement by hand', () => {
  const book = async (changed: object) => {
    const body = { account: 'main', kind: 'deposit', asset: 'USDT', amount: '1', reason: 'a test', ...changed };
    const { status, body: answer } = await askAs(api.server, KEYS.operator, 'POST', '/v1/ledger/movements', body);
    return { status, told: JSON.stringify(answer) };
  };
  test.each([
    [{ asset: 'constructor' }, 'the name of an asset'],
    [{ asset: '__proto__' }, 'the name of an asset'],
    [{ asset: '' }, 'the name of an asset'],
    [{ asset: 'U SDT' }, 'the name of an asset'],
    [{ asset: 'A'.repeat(41) }, 'the name of an asset'],
    [{ amount: '1'.repeat(19) }, 'at most 18 before the point'],
    [{ amount: `0.${'1'.repeat(19)}` }, 'at most 18 before the point'],
  ])('%j cannot be one', async (changed, told) => {
    expect(await book(changed)).toMatchObject({ status: 400, told: expect.stringContaining(told) });
  });
  test.each([
    [{ eventTime: 999_999_999_999_999 }, 'it is booked once it has happened, and that time is still to come'],
    [{ eventTime: 999_999_999_999_999, asset: '币安人生' }, 'it has happened'],
    [{ eventTime: 1_700_000_000 }, 'the time is in milliseconds'],
    [{ kind: 'withdrawal' }, 'a withdrawal is below zero, such as -1.'],
    [{ amount: '-1' }, 'a deposit is above zero.'],
    [{ asset: 'BTC' }, 'no comparison has found that more of it is there'],
    [{ asset: 'BTC', kind: 'withdrawal', amount: '-3.5' }, 'the positions hold what it would take'],
  ])('%j contradicts what is known', async (changed, told) => {
    const refused = await book(changed);
    expect(refused).toMatchObject({ status: 409, told: expect.stringContaining(told) });
    expect(refused.told).toContain('LEDGER_NOT_BOOKED');
  });

  test('that looks like one that is booked is asked about: it is booked once more only where a person says that it is another', async () => {
    await bookedStory(store.pool, 'twice', keyId);
    const at = FROM + 86_400_000;
    const twice = (changed: object) => book({ account: 'twice', amount: '250', eventTime: at, ...changed });
    expect(await twice({})).toMatchObject({ status: 200 });
    const again = await twice({ amount: '250.0', eventTime: at + 86_399_999 });
    expect(again).toMatchObject({
      status: 409,
      told: expect.stringContaining('a deposit of 250 USDT at 2020-01-02T00:00:00.000Z is booked already'),
    });
    expect(again.told).toContain('--another');
    // Also where the venue's reference of only one of them is known: it may be that one's.
    expect(await twice({ venueReference: 'tx-1' })).toMatchObject({ status: 409 });
    expect(await twice({ venueReference: 'tx-1', isAnother: true })).toMatchObject({ status: 200 });
    expect(await twice({ venueReference: 'tx-2' })).toMatchObject({ status: 409 });
    for (const other of [{ amount: '251' }, { asset: 'EUR' }, { kind: 'withdrawal', amount: '-250' }, { eventTime: at - 86_400_000 }])
      expect(await twice(other)).toMatchObject({ status: 200 });
    const booked = `select count(*)::integer as n from ledger_movements where account = 'twice'`;
    expect((await store.pool.query(booked)).rows).toEqual([{ n: 6 }]);
  });

  test('whose booking is told again under its id is the one that is booked, and of two whose references are known neither is asked about', async () => {
    await bookedStory(store.pool, 'named', keyId);
    const movementId = '5b1d9c1e-7f5e-4b0c-9f57-1d1a1b2c3d4e';
    const named = (changed: object) => book({ account: 'named', amount: '250', eventTime: FROM, ...changed });
    expect(await named({ movementId, venueReference: 'tx-1' })).toMatchObject({
      status: 200,
      told: expect.stringContaining('"isNew":true'),
    });
    expect(await named({ movementId, venueReference: 'tx-1' })).toMatchObject({
      status: 200,
      told: expect.stringContaining('"isNew":false'),
    });
    expect(await named({ venueReference: 'tx-2' })).toMatchObject({ status: 200 });
  });
});

describe('verify', () => {
  test('the counter-entries of the database are those of the domain', async () => {
    const kinds: readonly EntryKind[] = ['trade', 'fee', 'deposit', 'withdrawal', 'transfer', 'correction', 'rounding'];
    const { rows } = await store.pool.query<{ counter: string }>(
      'select counter_ledger_account(kind) as counter from unnest($1::text[]) with ordinality k (kind, n) order by n',
      [kinds],
    );
    expect(rows.map((row) => row.counter)).toEqual(kinds.map((kind) => postingsOf([{ asset: 'A', delta: ZERO, kind }])[1]?.ledgerAccount));
  });

  test('any story that was booked is stored as it is rebuilt', async () => {
    let stories = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(unitFill, { minLength: 4, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 4 }),
        fc.boolean(),
        async (fills, amounts, isOdd) => {
          stories += 1;
          const [one, other] = [`a${SEED}-${stories}`, `b${SEED}-${stories}`];
          const [story, neighbour] = [await bookedStory(store.pool, one, keyId), await bookedStory(store.pool, other, keyId)];
          for (const fill of fills) await story.fill(isOdd ? { ...fill, ticks: ODD } : fill);
          for (const amount of amounts) {
            await story.move({ kind: 'transfer', counterAccount: other, amount: `-${amount}` as DecimalText });
            await neighbour.move({ kind: 'withdrawal', amount: `-${amount}.125` as DecimalText });
          }
          for (const { account } of [story, neighbour])
            expect(await verifyLedger(api.context.database, account)).toMatchObject({ differences: [] });
          // The gate's own balance, asked for as it asks, against what the story has moved.
          const { rows } = await store.pool.query<{ held: string }>(`select read_risk($1, '', '')->'balances'->>'USDT' as held`, [one]);
          // In units of the eleventh place, by whole numbers alone: 0.00000812 times 1234.567.
          const place = 10n ** 11n;
          const notionalUnit = isOdd ? 812n * 1_234_567n : place;
          const cash = fills.map(({ side, units, price, fee, feeAsset }) => {
            return BigInt((side === 'buy' ? -1 : 1) * units * price) * notionalUnit - (feeAsset === 'USDT' ? BigInt(fee) * place : 0n);
          });
          const held = [...cash, ...amounts.map((amount) => -BigInt(amount) * place)].reduce((a, b) => a + b, 1_000n * place);
          expect(
            decimal(rows[0]?.held ?? '')
              .mul('1e11')
              .toFixed(),
          ).toBe(String(held));
        },
      ),
      { numRuns: 6, seed: SEED },
    );
  });

  test.each([
    ['a position', `update positions set cost = cost + 1 where account = 'main' and strategy = 'other'`, 'position other BTC/USDT cost'],
    ['a balance', `update ledger_balances set quantity = quantity + 0.00000001 where account = 'main' and asset = 'USDT'`, 'balance USDT'],
    ['what was moved', `update inventory set moved = moved + 1 where account = 'main' and asset = 'USDT'`, 'inventory USDT'],
    ['what was there before', `update inventory set quantity = 6 where account = 'main' and asset = 'BNB'`, 'opening BNB'],
    ['an order', `update orders set executed_quantity = 3 where intent_id = 'main-1'`, 'order main-1'],
    [
      'an entry',
      `update ledger_entries set delta = delta + 1 where account = 'main' and intent_id = 'main-1' and ledger_account = 'fees'`,
      'entries fees USDT',
    ],
    ['a fill', `update fills set price = 101 where account = 'main' and venue_trade_id = '1'`, 'fill BTC/USDT trade 1 of order v1'],
    ['a movement', `update ledger_movements set amount = 26 where account = 'main' and kind = 'deposit'`, 'entries external USDT'],
    [
      'a lost entry',
      `delete from ledger_entries where account = 'main' and intent_id = 'main-2' and ledger_account = 'venue' and kind = 'fee'`,
      'entries venue BNB',
    ],
    ['a lost fill', `delete from fills where account = 'main' and venue_trade_id = '4'`, 'position other BTC/USDT quantity'],
  ])('damage to %s is found', async (_, damage, found) => {
    const damaged = ['positions', 'ledger_balances', 'inventory', 'orders', 'ledger_entries', 'fills', 'ledger_movements'];
    const client = await store.pool.connect();
    try {
      // Somebody with every right of the database, who gets round the triggers; seen and undone within one transaction.
      await client.query('begin');
      for (const table of damaged) await client.query(`alter table ${table} disable trigger all`);
      expect((await client.query(damage)).rowCount).toBe(1);
      const seen = await verifyLedger({ query: (sql, values = []) => client.query(sql, [...values]) }, 'main');
      expect(damages(seen)).toContain(found);
    } finally {
      await client.query('rollback');
      client.release();
    }
    expect(await askAs(api.server, KEYS.auditor, 'GET', '/v1/ledger/verify?account=main')).toMatchObject({
      body: { fills: 4, movements: 2, differences: [] },
    });
  });
});
