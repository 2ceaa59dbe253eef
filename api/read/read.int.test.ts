import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { apiUnderTest, type ApiUnderTest, controlVersion, KEYS, seedPeople, seedTrading, withRealVenues } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { allRoutes } from '../routes/all.js';

const TEN = Date.parse('2026-11-23T10:00:00Z');

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

/** Reads a path as the viewer and holds the answer to the route's own schema, closed objects and all. */
const read = async <Answer = Record<string, unknown>>(url: string): Promise<Answer> => {
  const answer = await api.server.inject({ url, headers: { host: 'localhost', authorization: `Bearer ${KEYS.viewer}` } });
  expect({ url, status: answer.statusCode, body: answer.statusCode === 200 ? '' : answer.body }).toEqual({ url, status: 200, body: '' });
  const route = allRoutes(api.context).find(({ path }) => path === url.split('?')[0]);
  return route?.response.parse(answer.json()) as Answer;
};
const idsOf = async (url: string, list: string, id: string): Promise<unknown[]> =>
  ((await read(url))[list] as Record<string, unknown>[]).map((row) => row[id]);

describe('orders', () => {
  test('come newest first, with money as plain decimals', async () => {
    const { orders } = await read<{ orders: Record<string, unknown>[] }>('/v1/orders');
    expect(orders.map((order) => order['intentId'])).toEqual(['o3', 'o2', 'o1']);
    expect(orders[2]).toEqual({
      intentId: 'o1',
      clientOrderId: 'o1-c',
      signalId: 's1',
      account: 'main',
      strategy: 'momentum',
      strategyVersion: '1',
      instrument: 'SPX/USDT',
      leg: 'open',
      side: 'buy',
      purpose: 'entry',
      type: 'limit',
      status: 'filled',
      timeInForce: 'IOC',
      postOnly: false,
      quantity: '0.3',
      price: '2100.5',
      stopPrice: null,
      executedQuantity: '0.3',
      executedNotional: '630',
      averagePrice: '2100',
      leavesQuantity: '0',
      venueOrderId: '77',
      failures: [],
      createdAt: TEN + 250,
      updatedAt: TEN + 250,
      finalAt: TEN + 250,
    });
    expect(orders[1]).toMatchObject({ leavesQuantity: '0.2', averagePrice: '2100.5', finalAt: null, venueOrderId: null });
    expect(orders[0]).toMatchObject({ averagePrice: null, failures: [{ code: 'RISK_MODE', message: 'Account main is in mode paused.' }] });
  });

  test('can be filtered and paged', async () => {
    expect(await idsOf('/v1/orders?open=true', 'orders', 'intentId')).toEqual(['o2']);
    expect(await idsOf('/v1/orders?limit=1', 'orders', 'intentId')).toEqual(['o3']);
    expect(await idsOf('/v1/orders?limit=1&before=o3', 'orders', 'intentId')).toEqual(['o2']);
    expect(await idsOf('/v1/orders?before=o1', 'orders', 'intentId')).toEqual([]);
    expect(await idsOf('/v1/orders?instrument=BTC/USDT', 'orders', 'intentId')).toEqual([]);
  });
});

test('fills', async () => {
  expect(await read('/v1/fills?intentId=o1')).toEqual({
    fills: [
      {
        account: 'main',
        instrument: 'SPX/USDT',
        venueTradeId: '9',
        venueOrderId: '77',
        intentId: 'o1',
        origin: 'ours',
        side: 'buy',
        price: '2100',
        quantity: '0.3',
        fee: '0.63',
        feeAsset: 'USDT',
        liquiditySide: 'taker',
        eventTime: TEN - 1,
        bookedAt: TEN + 250,
      },
    ],
  });
});

test('positions carry their mark; flat ones are left out unless asked for', async () => {
  expect(await idsOf('/v1/positions?flat=true', 'positions', 'instrument')).toEqual(['ETH/USDT', 'SPX/USDT']);
  const { positions } = await read<{ positions: unknown[] }>('/v1/positions');
  expect(positions).toEqual([
    {
      account: 'main',
      strategy: 'momentum',
      instrument: 'SPX/USDT',
      quantity: '0.3',
      averagePrice: '2100',
      stopPrice: null,
      stopQuantity: null,
      dust: null,
      cost: '630',
      realizedPnl: '1.2',
      mark: '2100.5',
      unrealizedPnl: '0.15',
      updatedAt: TEN + 250,
    },
  ]);
});

test.each([
  ['0.30', null],
  ['0.3004', '0.0004'],
  ['0.0021', '0.0021'],
  ['0.0004', '0.0004'],
])('a position of %s is dust as far as the venue would not take it: %s', async (quantity, dust) => {
  const rules = { tickSize: '0.01', stepSize: '0.001', minQuantity: '0.001', minNotional: '5' };
  await store.pool.query(`insert into instruments values ('paper', 'SPX/USDT', $1) on conflict do nothing`, [JSON.stringify(rules)]);
  await store.pool.query(`update positions set quantity = $1::numeric, cost = $1::numeric * 2100 where instrument = 'SPX/USDT'`, [
    quantity,
  ]);
  try {
    expect(await idsOf('/v1/positions', 'positions', 'dust')).toEqual([dust]);
  } finally {
    await store.pool.query(`update positions set quantity = 0.30, cost = 630 where instrument = 'SPX/USDT'`);
    await store.pool.query(`delete from instruments`);
  }
});

test('signals say what they were decided on and why one was not traded', async () => {
  const { signals } = await read<{ signals: unknown[] }>('/v1/signals');
  expect(signals).toHaveLength(2);
  expect(signals[0]).toMatchObject({ signalId: 's2', outcome: 'notTraded', failures: [{ code: 'RISK_MODE' }] });
  expect(signals[1]).toMatchObject({ features: [0.5, -1], score: 0.61, threshold: 0.55, barCloseTime: TEN - 1, referencePrice: '2100.5' });
});

test('equity comes oldest first, the latest where there are more than asked for', async () => {
  expect(await idsOf('/v1/equity', 'snapshots', 'equity')).toEqual(['100000.15', '99999']);
  expect(await idsOf('/v1/equity?limit=1', 'snapshots', 'equity')).toEqual(['99999']);
  expect(await idsOf(`/v1/equity?since=${TEN + 1_000}`, 'snapshots', 'equity')).toEqual(['99999']);
});

describe('status', () => {
  interface Answer {
    accounts: Record<string, unknown>[];
    streams: Record<string, unknown>[];
    guardiansWithoutTemporal: unknown[];
    chat: unknown;
    notEnforced: string[];
    venues: Record<string, unknown>[];
  }

  test('shows mode, what is in flight, streams and what is not enforced', async () => {
    api.now = TEN + 2_999;
    const { accounts, streams, notEnforced, venues } = await read<Answer>('/v1/status');
    expect(venues).toEqual([{ venue: 'paper', profile: 'binance', isPaper: true, isProven: true }]);
    expect(accounts).toEqual([
      {
        account: 'main',
        venue: 'paper',
        mode: 'normal',
        controlVersion: 1,
        modeSince: TEN + 250,
        latches: [],
        openOrders: 1,
        unknownOrders: 1,
        openIncidents: 1,
        disabledStrategies: [],
        blockedInstruments: [{ instrument: 'BTC/USDT', reason: 'an order is unknown' }],
        heldBy: null,
        heldByRunbook: null,
        pausedFor: null,
        isRetired: false,
        openRuns: [],
      },
    ]);
    const ofBtc = {
      venue: 'paper',
      instrument: 'BTC/USDT',
      intervalMs: 1_000,
      lastBarCloseTime: TEN - 1,
      lastBarClose: '60000',
      lastBarSource: 'stream',
    };
    expect(streams.find(({ instrument }) => instrument === 'BTC/USDT')).toEqual({ ...ofBtc, ageMs: 3_000, state: 'live' });
    expect(streams.find(({ instrument }) => instrument === 'ETH/USDT')).toMatchObject({ state: 'silent', ageMs: null, lastBarClose: null });
    // The configuration as shipped has no calendar, and the tests' server tells which it is.
    expect(notEnforced).toEqual([
      expect.stringMatching(/^keys that may withdraw /),
      expect.stringMatching(/^share of the request weight /),
      expect.stringMatching(/^room for one more stop/),
      expect.stringMatching(/^economic calendar: none is configured/),
    ]);
    api.now = TEN + 3_000;
    expect((await read<Answer>('/v1/status')).streams.find(({ instrument }) => instrument === 'BTC/USDT')).toMatchObject({
      state: 'stale',
    });
  });

  test('P31: a server that does not tell which it is, is among what is not enforced', async () => {
    const told = async (): Promise<readonly string[]> =>
      (await read<Answer>('/v1/status')).notEnforced.filter((one) => one.includes('restored'));
    expect(await told()).toEqual([]);
    const { rows } = await store.pool.query<{ timeline: number | null }>('select timeline from instance');
    await store.pool.query(`update instance set system_identifier = 'not told', timeline = 1`);
    expect(await told()).toEqual([expect.stringContaining('does not tell its system identifier or timeline')]);
    await store.pool.query('update instance set system_identifier = null, timeline = $1', [rows[0]?.timeline]);
  });

  test('names guardians that are without Temporal, and no longer those that have not said so for a while', async () => {
    const told = async (): Promise<readonly unknown[]> => (await read<Answer>('/v1/status')).guardiansWithoutTemporal;
    expect(await told()).toEqual([]);
    await store.pool.query(`select tell_without_temporal('1')`);
    expect(await told()).toEqual([{ guardian: '1', since: expect.any(Number) as number }]);
    await store.pool.query(`update guardians_without_temporal set seen_at = seen_at - interval '31 seconds'`);
    expect(await told()).toEqual([]);
    await store.pool.query(`select end_without_temporal('1')`);
  });

  test('tells whether the chat is read in which people may halt, and nothing where they may in none', async () => {
    expect((await read<Answer>('/v1/status')).chat).toBeNull();
    await api.close();
    const shipped = api.context.config;
    api = apiUnderTest(store, { config: { ...shipped, alerts: { telegram: { chats: ['-1'], people: { '1': 'rik' } } } } });
    expect((await read<Answer>('/v1/status')).chat).toEqual({ state: 'silent', readTime: null, failure: null });
    await store.pool.query(`select begin_chat_read('1', 1000), tell_chat_read('1', null, false)`);
    expect((await read<Answer>('/v1/status')).chat).toEqual({ state: 'read', readTime: expect.any(Number) as number, failure: null });
    await store.pool.query('select forget_chat()');
  });

  test('tells of each venue whether this build is proven on it: real ones and foreign paper ones are not', async () => {
    await api.close();
    api = apiUnderTest(store, { config: withRealVenues() });
    expect((await read<Answer>('/v1/status')).venues).toEqual([
      { venue: 'paper', profile: 'binance', isPaper: true, isProven: true },
      { venue: 'spot', profile: 'binance', isPaper: false, isProven: false },
      { venue: 'desk', profile: 'kraken', isPaper: false, isProven: false },
      { venue: 'sandbox', profile: 'kraken', isPaper: true, isProven: false },
    ]);
  });

  test.each([
    ['everything', '', null, 'killed'],
    ['venue', 'paper', null, 'killed'],
    ['account', 'main', null, 'killed'],
    ['venue', 'another', null, 'normal'],
    ['account', 'other', null, 'normal'],
    ['instrument', 'SPX/USDT', 'main', 'normal'],
  ])('a latch over %s %s (of %s) makes the account %s', async (scope, value, account, mode) => {
    const latch = await store.pool.query<{ latch_id: string }>(
      `insert into latches (scope, scope_value, account, reason, subject) values ($1, $2, $3, 'test', 'owner') returning latch_id`,
      [scope, value, account],
    );
    expect((await read<Answer>('/v1/status')).accounts[0]).toMatchObject({ mode });
    await store.pool.query('update latches set released_at = now() where latch_id = $1', [latch.rows[0]?.latch_id]);
    expect((await read<Answer>('/v1/status')).accounts[0]).toMatchObject({ mode: 'normal', latches: [] });
  });
});

test('no query, however odd, is an unexpected error', async () => {
  const names = ['account', 'instrument', 'open', 'before', 'limit', 'after', 'kind', 'since', 'intentId', 'flat', 'latest'];
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('main', 'true', '0', '1', '-1', '999999999999999999', '1e3', '8640000000000', "' or 1=1 --", '%00', '\u0000'),
  );
  const paths = fc.constantFrom('orders', 'fills', 'positions', 'signals', 'events', 'equity', 'status');
  const query = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(paths, query, async (path, pairs) => {
      const search = new URLSearchParams(pairs).toString();
      const headers = { host: 'localhost', authorization: `Bearer ${KEYS.viewer}` };
      const answer = await api.server.inject({ url: `/v1/${path}?${search}`, headers });
      return [200, 400, 404].includes(answer.statusCode);
    }),
    { numRuns: 300 },
  );
});

test('no command, however odd, is an unexpected error', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('main', 'a\u0000b', 'why not'));
  const version = await controlVersion(store.pool);
  const body = fc.oneof(
    fc.jsonValue(),
    fc.record({ account: fc.oneof(text, fc.constant('main')), reason: text, expectedVersion: fc.constantFrom(version, 0, 1.5, 'one') }),
  );
  await fc.assert(
    fc.asyncProperty(body, async (payload) => {
      const headers = { host: 'localhost', authorization: `Bearer ${KEYS.owner}`, 'content-type': 'application/json' };
      const answer = await api.server.inject({ method: 'POST', url: '/v1/control/resume', headers, payload: JSON.stringify(payload) });
      return [200, 400, 404, 409].includes(answer.statusCode);
    }),
    { numRuns: 300 },
  );
});

describe('events', () => {
  const insert = `insert into audit_events (kind, account, subject, data) values ($1, 'main', null, '{"n": 1}') returning event_id::text as id`;

  // A transaction of any database of the server that began before an event and is not over keeps it back: other tests have such.
  test('are read from an id onwards, and by kind', async () => {
    const first = await store.pool.query<{ id: string }>(insert, ['test.one']);
    const second = await store.pool.query<{ id: string }>(insert, ['test.two']);
    await expect.poll(() => idsOf(`/v1/events?after=${first.rows[0]?.id}`, 'events', 'id')).toEqual([second.rows[0]?.id]);
    const { events } = await read<{ events: Record<string, unknown>[] }>(`/v1/events?after=${first.rows[0]?.id}`);
    expect(events).toEqual([
      { id: second.rows[0]?.id, time: expect.any(Number), kind: 'test.two', account: 'main', subject: null, data: { n: 1 } },
    ]);
    expect(await idsOf('/v1/events?kind=test.one', 'events', 'kind')).toEqual(['test.one']);
    const before = BigInt(first.rows[0]?.id ?? 0) - 1n;
    expect(await idsOf(`/v1/events?limit=1&after=${before}`, 'events', 'id')).toEqual([first.rows[0]?.id]);
    expect(await idsOf('/v1/events?limit=1&latest=true', 'events', 'id')).toEqual([second.rows[0]?.id]);
    expect((await idsOf('/v1/events?latest=true', 'events', 'kind')).slice(-2)).toEqual(['test.one', 'test.two']);
  });

  test('none is passed over that commits later with a smaller id', async () => {
    const slow = await store.pool.connect();
    await slow.query('begin');
    const early = await slow.query<{ id: string }>(insert, ['test.slow']);
    const late = await store.pool.query<{ id: string }>(insert, ['test.fast']);
    const from = BigInt(early.rows[0]?.id ?? 0) - 1n;
    expect(await idsOf(`/v1/events?after=${from}`, 'events', 'kind')).toEqual([]);
    await slow.query('commit');
    slow.release();
    await expect.poll(() => idsOf(`/v1/events?after=${from}`, 'events', 'id')).toEqual([early.rows[0]?.id, late.rows[0]?.id]);
  });
});
