import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LIMIT_TABLE } from '../../core/risk/limit-table.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { rowsRead } from '../../test/support/rows-read.js';
import { createOrderStore } from './order-store.js';
import { openPool } from './pool.js';
import { createProtectionStore } from './protection-store.js';

const ORDERS = 20_000;
const BARS = 5_000;
const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };

let database: TestDatabase;
/** One connection, which counts the rows that it reads. */
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  const { pool: owner } = database;
  await owner.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await owner.query(`insert into control (account) values ('main')`);
  await owner.query(`insert into risk_state (account, limits) values ('main', '{}')`);
  // Each kind in turn, one in two minutes. Of the first strategy all have ended but the newest two, and of those of the last day four were not placed; the
  // second leaves by its stops alone. The third holds what it had bought first, and has been denied since whatever it wanted; the fourth has found nobody
  // to sell to it, more often than any limit lets it. The triggers of each row would take most of the time.
  await owner.query(
    `set local session_replication_role = replica;
     insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, purpose, sequence,
        status, time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, control_version, epoch,
        created_at, updated_at, final_at)
      select short || n, short || 'c' || n, 'main', strategy, '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', kinds[1 + n % cardinality(kinds)],
        case when usual = 'filled' and n % 2 = 1 then (${ORDERS} - n) / 4 else 1 end,
        case when short = 'i' and n <= 2 then 'accepted' when usual = 'filled' and n % 144 = 0 then 'notPlaced'
          when n >= ${ORDERS} - 1 then 'filled' else usual end,
        'GTC', 1, 100, 0, 0, executed, 100 * executed, 1, 1, at, at, case when short <> 'i' or n > 2 then at end
      from generate_series(${ORDERS}, 1, -1) n, lateral (select clock_timestamp() - n * interval '2 minutes' as at) t,
        (values ('i', 'momentum', array['entry', 'stop', 'exit', 'escape'], 'filled'), ('s', 'stopsOnly', array['entry', 'stop'], 'filled'),
          ('d', 'denied', array['entry', 'exit'], 'denied'), ('u', 'unfilled', array['entry'], 'expired')) s (short, strategy, kinds, usual),
        lateral (select case when usual = 'filled' or n = ${ORDERS} then 1 else 0 end as executed) e;
     insert into strategy_switches (account, strategy, counted_from) values ('main', 'stopsOnly', clock_timestamp() - interval '9 minutes')`,
  );
  await owner.query(
    `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
      select 'paper', 'BTC/USDT', ms, n * ms, (n + 1) * ms - 1, n, n, n, n, 1, 'stream' from generate_series(1, ${BARS}) n, unnest(array[1000, 60000]) ms`,
  );
  await owner.query('analyze orders, bars');
  pool = openPool(database.url, { applicationName: 'test', max: 1 });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

it(`P13, P16: the tick of the account stream reads what it watches, not ${ORDERS} orders that have ended`, async () => {
  const store = createOrderStore(pool);
  const { answer, rows } = await rowsRead(pool, 'orders', () => store.watchedOrders('main'));
  expect(
    answer
      .filter(({ status }) => status === 'notPlaced')
      .map(({ intentId }) => intentId)
      .toSorted(),
  ).toEqual(['i144', 'i288', 'i432', 'i576', 's144', 's288', 's432', 's576']);
  expect(answer.filter(({ isFinal }) => !isFinal)).toHaveLength(2);
  expect(rows).toBe(answer.length);
});

it('an entry that works is asked for its reason to go by its keys', async () => {
  const store = createOrderStore(pool);
  await pool.query(`update orders set purpose = 'entry' where intent_id = 'i1'`);
  expect(await rowsRead(pool, 'orders', () => store.whyWithdrawn('i1'))).toEqual({
    answer: 'momentum is active in BTC/USDT no more',
    rows: 1,
  });
  await pool.query(`update orders set purpose = 'stop' where intent_id = 'i1'`);
});

it(`a look of the owner at its position reads the newest of its ${ORDERS} orders`, async () => {
  const store = createProtectionStore(pool);
  const { answer, rows } = await rowsRead(pool, 'orders', () => store.readProtection(KEY));
  expect(answer).toMatchObject({ stops: ((ORDERS - 1) / 4) | 0, basis: { intentId: 'i4' } });
  expect(answer.recent.map(({ intentId }) => intentId)).toEqual(['i1', 'i3']);
  expect(answer.working).toHaveLength(2);
  expect(rows).toBeLessThan(100);
});

it('so does the gate, also where a strategy never leaves by itself', async () => {
  const store = createOrderStore(pool);
  for (const strategy of ['momentum', 'stopsOnly']) {
    const { answer, rows } = await rowsRead(pool, 'orders', () => store.readRisk({ ...KEY, strategy }));
    expect(answer.repeats).toBe(strategy === 'momentum' ? 0 : 2);
    expect(rows).toBeLessThan(30);
  }
});

it(`so do both of a strategy whose ${ORDERS} newest orders were denied, or came to nothing`, async () => {
  const [orders, positions] = [createOrderStore(pool), createProtectionStore(pool)];
  const gate = await rowsRead(pool, 'orders', () => orders.readRisk({ ...KEY, strategy: 'denied' }));
  expect(gate.answer.repeats).toBe(0);
  expect(gate.rows).toBeLessThan(30);
  // As far as any limit, and no further.
  const most = await rowsRead(pool, 'orders', () => orders.readRisk({ ...KEY, strategy: 'unfilled' }));
  expect(most.answer.repeats).toBe(LIMIT_TABLE.maxRepeats.most);
  expect(most.rows).toBeLessThan(LIMIT_TABLE.maxRepeats.most + 20);
  for (const [short, strategy] of [
    ['d', 'denied'],
    ['u', 'unfilled'],
  ] as const) {
    const look = await rowsRead(pool, 'orders', () => positions.readProtection({ ...KEY, strategy }));
    expect(look.answer.basis).toMatchObject({ intentId: `${short}${ORDERS}` });
    expect(look.rows).toBeLessThan(LIMIT_TABLE.maxRepeats.most + 60);
  }
});

it(`P19: the last mark of an instrument is found in ${2 * BARS} bars by their key`, async () => {
  const { answer, rows } = await rowsRead(pool, 'bars', () => createProtectionStore(pool).lastMark(KEY));
  expect(answer).toBe(String(BARS));
  expect(rows).toBeLessThan(10);
});
