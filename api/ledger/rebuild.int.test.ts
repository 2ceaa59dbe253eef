import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { bookedStory, bookkeeper, type BookedStory } from '../../test/support/booked-story.js';
import { ODD } from '../../test/support/fills.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openLongReads, type Database } from '../read/database.js';
import { rebuildLedger } from './rebuild.js';
import { verifyLedger } from './verify.js';

let store: TestDatabase;
let api: ApiUnderTest;
let main: BookedStory;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  main = await bookedStory(store.pool, 'main', await bookkeeper(store.pool));
  // Of quantities and prices that share no digits, so that a share of the cost has no end of digits.
  const odd = { fee: 1, feeAsset: 'BTC', strategy: 'momentum', ticks: ODD } as const;
  await main.fill({ ...odd, side: 'buy', units: 7, price: 101 });
  await main.fill({ ...odd, side: 'sell', units: 3, price: 103 });
  await main.fill({ ...odd, side: 'buy', units: 5, price: 97, strategy: 'other' });
  await main.fill({ ...odd, side: 'buy', units: 2, price: 90, strategy: null });
  await main.move({ amount: '25' as DecimalText });
});
afterAll(() => store?.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const rebuild = (key: string): Promise<Answer> =>
  askAs(api.server, key, 'POST', '/v1/ledger/rebuild', { account: 'main', reason: 'a disk lied' });
const differences = async (): Promise<readonly string[]> =>
  (await verifyLedger(api.context.database, 'main')).differences.map(({ what, of }) => `${what} ${of}`);
/** As somebody with the database's password could: no trigger is in the way. */
async function damage(sql: string): Promise<void> {
  const client = await store.pool.connect();
  try {
    await client.query('set session_replication_role = replica');
    await client.query(sql);
  } finally {
    await client.query('set session_replication_role = origin');
    client.release();
  }
}
/** Every row of these, but for what counts its changes. */
async function rowsOf(...tables: readonly string[]): Promise<readonly { readonly row: Readonly<Record<string, unknown>> }[]> {
  const counts = `'version' - 'updated_at'`;
  const all = tables.map((table) => `select '${table}' as of, to_jsonb(t) - ${counts} as row from ${table} t`);
  const { rows } = await store.pool.query<{ row: Record<string, unknown> }>(
    `select * from (${all.join(' union all ')}) every order by of, row::text`,
  );
  return rows;
}
const DERIVED = ['positions', 'position_sums', 'ledger_balances', 'inventory', 'orders'];
/** But those that damage has brought and that are nothing by now. */
const derivedRows = async (): Promise<readonly object[]> =>
  (await rowsOf(...DERIVED)).filter(({ row }) => row['strategy'] !== 'nobody' && row['asset'] !== 'XRP');
const SOURCES = ['fills', 'ledger_entries', 'ledger_movements'];
const ofMomentum = `account = 'main' and strategy = 'momentum'`;

test.each([
  ['a position', `update positions set quantity = 0, cost = 0 where ${ofMomentum}`, 'position momentum BTC/USDT quantity'],
  ['what a position cost', `update positions set cost = cost * 2 where ${ofMomentum}`, 'position momentum BTC/USDT cost'],
  ['what was earned', `update positions set realized_pnl = realized_pnl + 1 where ${ofMomentum}`, 'position momentum BTC/USDT realizedPnl'],
  ['a lost position', `delete from positions where ${ofMomentum}`, 'position momentum BTC/USDT quantity'],
  ['a position of nobody', `insert into positions values ('main', 'nobody', 'ETH/USDT', 2, 5, 1)`, 'position nobody ETH/USDT quantity'],
  ['a sum', `update position_sums set quantity = 9 where ${ofMomentum}`, 'positionSum momentum BTC/USDT'],
  ['a sum of nobody', `insert into position_sums values ('main', 'nobody', 'ETH/USDT', 2)`, 'positionSum nobody ETH/USDT'],
  ['a lost sum', `delete from position_sums where ${ofMomentum}`, 'positionSum momentum BTC/USDT'],
  ['a balance', `update ledger_balances set quantity = quantity + 1 where asset = 'USDT'`, 'balance USDT'],
  ['a lost balance', `delete from ledger_balances where asset = 'BTC'`, 'balance BTC'],
  ['a balance of nothing', `insert into ledger_balances values ('main', 'XRP', 3)`, 'balance XRP'],
  ['what was moved', `update inventory set moved = moved + 1, quantity = quantity + 1 where asset = 'USDT'`, 'inventory USDT'],
  ['what was there before', `update inventory set quantity = 6 where asset = 'BNB'`, 'opening BNB'],
  ['a lost inventory', `delete from inventory where asset = 'BNB'`, 'opening BNB'],
  ['an order', `update orders set executed_quantity = 3 where intent_id = 'main-1'`, 'order main-1'],
  ['what an order cost', `update orders set executed_notional = 3 where intent_id = 'main-1'`, 'order main-1'],
])('damage to %s is rebuilt from the entries, under a name, and the entries stay', async (_, sql, found) => {
  const [derived, sources] = [await derivedRows(), await rowsOf(...SOURCES)];
  await damage(sql);
  expect(await differences()).toContain(found);
  expect(await rebuild(KEYS.operator)).toMatchObject({ status: 403 });
  const { status, body } = await rebuild(KEYS.risk);
  expect({ status, differences: await differences() }).toEqual({ status: 200, differences: [] });
  expect(body['decided']).toEqual([]);
  // What is rebuilt is what was stored before; of one that never was nothing is left but its row.
  expect(await derivedRows()).toEqual(derived);
  expect(await rowsOf(...SOURCES)).toEqual(sources);
  const { rows } = await store.pool.query<{ subject: string; data: Record<string, string> }>(
    `select subject, data from audit_events where kind = 'ledger.rebuilt' order by event_id desc limit 20`,
  );
  expect(rows[0]).toMatchObject({ subject: 'risk', data: { reason: 'a disk lied', underKey: expect.any(String) as string } });
  expect(rows.map(({ data }) => `${data['what']} ${data['of']}`)).toContain(found);
  expect(await rebuild(KEYS.risk)).toMatchObject({ body: { changed: [], decided: [] } });
});

test.each([
  ['a fill', `update fills set price = price + 1 where venue_trade_id = '1'`],
  ['an entry', `update ledger_entries set delta = delta + 1 where intent_id = 'main-1' and ledger_account = 'fees'`],
])('from %s that is damaged nothing is derived', async (_, sql) => {
  await damage(`update positions set cost = cost + 1 where ${ofMomentum}`);
  await damage(sql);
  const before = await rowsOf(...DERIVED);
  expect(await rebuild(KEYS.risk)).toMatchObject({ status: 409, body: { code: 'LEDGER_NOT_REBUILT' } });
  expect(await rowsOf(...DERIVED)).toEqual(before);
  await damage(sql.replace(' + 1', ' - 1'));
  expect(await rebuild(KEYS.risk)).toMatchObject({ status: 200 });
  expect(await differences()).toEqual([]);
});

test('what is booked while it is reckoned is in what is written', async () => {
  const { database } = api.context;
  await damage(`update positions set cost = cost + 1 where ${ofMomentum}`);
  let writes = 0;
  const meanwhile: typeof database = {
    async query(sql, values) {
      if (sql.includes('rebuild_ledger') && (writes += 1) === 1) {
        await main.fill({ side: 'buy', units: 1, price: 99, fee: 0, feeAsset: 'USDT', strategy: 'momentum' });
      }
      return database.query(sql, values);
    },
  };
  const { rows } = await store.pool.query<{ keyId: string }>(`select key_id as "keyId" from api_keys where subject = 'risk'`);
  const caller = { subject: 'risk', name: 'risk', roles: ['risk'], keyId: rows[0]?.keyId ?? '' };
  const { changed } = await rebuildLedger(meanwhile, caller, { account: 'main', reason: 'a disk lied' });
  expect(changed.map(({ what, of }) => `${what} ${of}`)).toContain('position momentum BTC/USDT cost');
  expect([writes, await differences()]).toEqual([2, []]);
});

const officer = async () => {
  const { rows } = await store.pool.query<{ keyId: string }>(`select key_id as "keyId" from api_keys where subject = 'risk'`);
  return { subject: 'risk', name: 'risk', roles: ['risk' as const], keyId: rows[0]?.keyId ?? '' };
};
/** While somebody else holds the account's control row. */
async function whileHeld<T>(work: (release: () => Promise<void>) => Promise<T>): Promise<T> {
  const holder = await store.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(`select from control where account = 'main' for update`);
    return await work(async () => void (await holder.query('rollback')));
  } finally {
    await holder.query('rollback');
    holder.release();
  }
}

test.each([
  ['a fill', () => main.fill({ side: 'buy', units: 1, price: 99, fee: 0, feeAsset: 'USDT', strategy: 'momentum' })],
  ['a movement', () => main.move({ amount: '3' as DecimalText })],
])('%s that is booked between what is reckoned and its locks is in what is written', async (_, book) => {
  await damage(`update positions set cost = cost + 1 where ${ofMomentum}`);
  let writes = 0;
  const counted: Database = {
    query: (sql, values) => {
      if (sql.includes('rebuild_ledger')) writes += 1;
      return api.context.longReads.query(sql, values);
    },
  };
  const { changed } = await whileHeld(async (release) => {
    const rebuilt = rebuildLedger(counted, await officer(), { account: 'main', reason: 'a disk lied' });
    await vi.waitFor(async () => {
      const waiting = `select from pg_stat_activity where query like '%rebuild_ledger%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()`;
      expect((await store.pool.query(waiting)).rowCount).toBe(1);
    }, 3_000);
    await book();
    await release();
    return rebuilt;
  });
  expect(changed.map(({ what, of }) => `${what} ${of}`)).toContain('position momentum BTC/USDT cost');
  expect([writes, await differences()]).toEqual([2, []]);
});

test.each([
  ['a lock that does not come free', 60_000],
  ['its own limit', 300],
])('one that is ended by %s says what to do, and has changed nothing', async (_, limitMs) => {
  await damage(`update positions set cost = cost + 1 where ${ofMomentum}`);
  const before = await rowsOf(...DERIVED);
  const limited = openLongReads(store.url, () => undefined, limitMs);
  try {
    const waiting = whileHeld(async () => rebuildLedger(limited, await officer(), { account: 'main', reason: 'a disk lied' }));
    await expect(waiting).rejects.toMatchObject({
      failure: { code: 'LEDGER_NOT_REBUILT', values: { why: expect.stringContaining('took too long') as string } },
    });
  } finally {
    await limited.close();
  }
  expect(await rowsOf(...DERIVED)).toEqual(before);
  expect(await rebuild(KEYS.risk)).toMatchObject({ status: 200 });
});

test('a key that counts no more, or another’s, rebuilds nothing; nor does a position that its fills do not add up to', async () => {
  const { database } = api.context;
  const { rows } = await store.pool.query<{ keyId: string }>(`select key_id as "keyId" from api_keys where subject = 'operator'`);
  const caller = { subject: 'risk', name: 'risk', roles: ['risk'], keyId: rows[0]?.keyId ?? '' };
  await expect(rebuildLedger(database, caller, { account: 'main', reason: 'a disk lied' })).rejects.toThrow('under a key that counts');
  const risk = await store.pool.query<{ keyId: string }>(`select key_id as "keyId" from api_keys where subject = 'risk'`);
  const last = await store.pool.query<{ last: number }>(`select max(booking)::integer as last from fills`);
  const position = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: '1', cost: '1', realizedPnl: '0' };
  const asked = {
    ...{ account: 'main', reason: 'by hand', subject: 'risk', underKey: risk.rows[0]?.keyId },
    ...{ lastBooking: last.rows[0]?.last, positions: [position] },
  };
  await expect(store.pool.query('select rebuild_ledger($1::jsonb)', [JSON.stringify(asked)])).rejects.toThrow(
    'not what its fills add up to',
  );
});

test('the whole ledger is read over a connection of its own, which may take longer than one that locks something', async () => {
  const { database } = api.context;
  const limitOf = async (one: typeof database): Promise<string | undefined> =>
    (await one.query<{ statement_timeout: string }>('show statement_timeout')).rows[0]?.statement_timeout;
  expect([await limitOf(database), await limitOf(api.context.longReads)]).toEqual(['4s', '2min']);
  const limited: typeof database = {
    query: async (sql, values) => {
      if (sql.includes('from ledger_entries')) throw new Error('canceling statement due to statement timeout');
      return database.query(sql, values);
    },
  };
  const large = apiUnderTest(store, { database: limited, longReads: api.context.longReads });
  try {
    const verified = await askAs(large.server, KEYS.viewer, 'GET', '/v1/ledger/verify?account=main');
    expect(verified).toMatchObject({ status: 200, body: { differences: [] } });
    const rebuilt = await askAs(large.server, KEYS.risk, 'POST', '/v1/ledger/rebuild', { account: 'main', reason: 'a disk lied' });
    expect(rebuilt).toMatchObject({ status: 200, body: { changed: [] } });
  } finally {
    await large.close();
  }
});
