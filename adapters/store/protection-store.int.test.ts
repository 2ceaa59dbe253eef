import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { LIMITS } from '../../test/support/ledger.js';
import { createControlStore } from './control-store.js';
import { openPool } from './pool.js';
import { isContradicted } from '../../core/protection/plan.js';
import { createProtectionStore } from './protection-store.js';

const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };
const ROW = { strategy: 'momentum', instrument: 'BTC/USDT', quantity: '0.1', cost: '5' };
const RULES = { stepSize: '0.001', minQuantity: '0.001', minNotional: '5' };

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  const strategies = [{ ...KEY, version: '1', modelHash: 'none' }];
  await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits: LIMITS, strategies, subject: 'test' });
  await database.pool.query(`insert into instruments (venue, instrument, rules) values ('paper', 'BTC/USDT', $1)`, [RULES]);
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

/** A tenth is held, without a stop. */
async function unprotected(cost: string, mark: string | undefined): Promise<readonly unknown[]> {
  await database.pool.query('delete from positions; delete from position_sums');
  await database.pool.query(`insert into position_sums values ('main', 'momentum', 'BTC/USDT', 0.1)`);
  await database.pool.query('delete from bars');
  await database.pool.query(
    `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', 'BTC/USDT', 0.1, $1, 0)`,
    [cost],
  );
  if (mark !== undefined)
    await database.pool.query(
      `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
         values ('paper', 'BTC/USDT', 1000, 0, 1000, $1, $1, $1, $1, 1, 'stream')`,
      [mark],
    );
  return createProtectionStore(pool).unprotected('main');
}

/** What it cost, its last mark, and whether it is among those that lack a stop. */
it.each([
  ['cost enough', '5', undefined, true],
  ['cost too little, and nothing is known of its worth', '4.99', undefined, false],
  ['has become worth it', '4', '50', true],
  ['has not', '4', '49.9', false],
  ['cost enough, and has lost', '5', '49.9', true],
] as const)('P24: without a stop, what %s', async (_, cost, mark, isMissing) => {
  expect(await unprotected(cost, mark)).toEqual(isMissing ? [KEY] : []);
});

/** A bar of an interval that closed at `closeTime`, at this price. */
const bar = (intervalMs: number, closeTime: number, close: string, instrument = 'BTC/USDT', venue = 'paper'): Promise<unknown> =>
  database.pool.query(
    `insert into bars (venue, instrument, interval_ms, open_time, close_time, open, high, low, close, volume, source)
       values ($1, $2, $3, $4, $5, $6, $6, $6, $6, 1, 'stream')`,
    [venue, instrument, intervalMs, closeTime - intervalMs + 1, closeTime, close],
  );

it('P19: the last mark is the close of the newest bar, whatever its interval and however old', async () => {
  const store = createProtectionStore(pool);
  await database.pool.query('delete from bars');
  expect(await store.lastMark(KEY)).toBeUndefined();
  await bar(60_000, 599_999, '600', 'ETH/USDT');
  await bar(60_000, 599_999, '700', 'BTC/USDT', 'elsewhere');
  expect(await store.lastMark(KEY)).toBeUndefined();
  await bar(1_000, 59_999, '50');
  await bar(1_000, 60_999, '51');
  expect(await store.lastMark(KEY)).toBe('51');
  // The strategy was put on longer bars since: those of before are not the newest any more.
  await bar(60_000, 119_999, '52.50');
  expect(await store.lastMark(KEY)).toBe('52.5');
  await bar(1_000, 120_999, '53');
  expect(await store.lastMark(KEY)).toBe('53');
  expect(await store.lastMark({ ...KEY, account: 'nobody' })).toBeUndefined();
});

it('P24: what is held is worth what the newest bar of any interval says', async () => {
  await unprotected('4', '49.9');
  const store = createProtectionStore(pool);
  const isDust = async (): Promise<unknown> => (await database.pool.query(`select is_dust('main', 'BTC/USDT') as answer`)).rows[0]?.answer;
  expect([await store.unprotected('main'), await isDust()]).toEqual([[], true]);
  // Longer bars came since.
  await bar(60_000, 119_999, '50');
  expect([await store.unprotected('main'), await isDust()]).toEqual([[KEY], false]);
  await bar(60_000, 179_999, '49.9');
  expect([await store.unprotected('main'), await isDust()]).toEqual([[], true]);
});

it.each([
  ['0.1', undefined],
  ['0.10', undefined],
  ['0.2', '0.2'],
  [null, '0'],
] as const)('what its fills add up to (%s) is read with a position, and said of it where the row is not that', async (filled, told) => {
  await unprotected('5', undefined);
  await database.pool.query('delete from position_sums');
  if (filled !== null) await database.pool.query(`insert into position_sums values ('main', 'momentum', 'BTC/USDT', $1)`, [filled]);
  const store = createProtectionStore(pool);
  const view = await store.readProtection(KEY);
  expect(view.filled).toBe(filled ?? '0');
  expect(view.risk.positions).toEqual([{ ...ROW, ...(told === undefined ? {} : { filled: told }) }]);
  expect(isContradicted(KEY, view)).toBe(told !== undefined);
  // Its owner rests then, and is not woken for it.
  expect(await store.unprotected('main')).toEqual(told === undefined ? [KEY] : []);
  await database.pool.query('delete from positions');
  expect(isContradicted(KEY, await store.readProtection(KEY))).toBe(filled !== null);
});

/** An order of the position that is over, as written at this time by the database's clock. `isOlder`: a build before 0.6 wrote it */
async function order(
  intentId: string,
  purpose: string,
  sequence: number,
  minute: number,
  { price = '100', isOlder = false }: { readonly price?: string; readonly isOlder?: boolean } = {},
): Promise<void> {
  await database.pool.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, purpose, sequence, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, executed_quantity, executed_notional, control_version, epoch, venue_order_id,
       created_at, updated_at, final_at)
     values ($1, $1, 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', case $2 when 'entry' then 'buy' else 'sell' end, $2, $3,
       case $2 when 'entry' then 'filled' else 'canceled' end, 'IOC', 1, 100, 0, 0, case $2 when 'entry' then 1 else 0 end, $5, 1, 1, $1,
       to_timestamp($4 * 60), to_timestamp($4 * 60), to_timestamp($4 * 60))`,
    [intentId, purpose, sequence, minute, price],
  );
  if (isOlder) await database.pool.query('update orders set ordinal = null where intent_id = $1', [intentId]);
}

it('P20: the newest of a position is what was written last, also where the clock was set back meanwhile', async () => {
  await unprotected('5', undefined);
  const read = async () => {
    const { basis, recent, stops, escapes } = await createProtectionStore(pool).readProtection(KEY);
    return [basis?.averagePrice.slice(0, 2), recent.map(({ intentId }) => intentId).join(' '), stops, escapes];
  };
  // Of a build before, by their times.
  await order('e1', 'entry', 1, 60, { price: '70', isOlder: true });
  await order('s1', 'stop', 1, 61, { isOlder: true });
  await order('e2', 'entry', 1, 62, { price: '80', isOlder: true });
  await order('s2', 'stop', 2, 63, { isOlder: true });
  await order('x1', 'escape', 1, 64, { isOlder: true });
  expect(await read()).toEqual(['80', 'x1 s2', 2, 1]);
  // An hour back.
  await order('s3', 'stop', 3, 3);
  await order('x2', 'escape', 2, 4);
  expect(await read()).toEqual(['80', 'x2 s3 x1 s2', 3, 2]);
  await order('e3', 'entry', 1, 5, { price: '90' });
  expect(await read()).toEqual(['90', '', 3, 2]);
  await order('s4', 'stop', 4, 6);
  await order('x3', 'escape', 3, 2);
  await order('x4', 'escape', 4, 1);
  expect(await read()).toEqual(['90', 'x4 x3 s4', 4, 4]);
  // People are told of what no stop can be for once for each entry: of that one.
  await database.pool.query(`insert into incidents (incident_key, account, kind, data)
    values ('positionUncovered:main:momentum:BTC/USDT:{"entered":300000}', 'main', 'positionUncovered', '{}')`);
  const { rows } = await database.pool.query(`select told_of_uncovered('main', 'momentum', 'BTC/USDT') as told`);
  expect(rows).toEqual([{ told: true }]);
  await database.pool.query('delete from orders; delete from incidents');
});

it('P21: a further order of the same signal goes on with the position that its first one began', async () => {
  await unprotected('5', undefined);
  const signalOf = async (signal: string, ...intentIds: readonly string[]): Promise<unknown> => {
    await database.pool.query(
      `insert into signals (signal_id, account, strategy, instrument, bar_close_time, leg, strategy_version, features, reference_price,
         stop_distance_ratio, reason, decided_time, valid_until, outcome)
       values ($1, 'main', 'momentum', 'BTC/USDT', $2, 'open', '1', '[]', 100, 0.02, 'test', 1, 1, 'traded')`,
      [signal, Number(signal)],
    );
    return database.pool.query('update orders set signal_id = $1 where intent_id = any($2)', [signal, intentIds]);
  };
  const read = async () => (await createProtectionStore(pool).readProtection(KEY)).recent.map(({ intentId }) => intentId).join(' ');
  await order('e1', 'entry', 1, 60);
  await order('s1', 'stop', 1, 61);
  await order('e2', 'entry', 1, 62);
  await order('s2', 'stop', 2, 63);
  // The stop of what its first order had bought had woken when this one bought: the rest leaves.
  await order('e2:2', 'entry', 2, 64);
  expect(await read()).toBe('');
  await signalOf('1', 'e1');
  await signalOf('2', 'e2', 'e2:2');
  expect(await read()).toBe('s2');
  await database.pool.query(`update orders set triggered_at = now(), final_at = null where intent_id = 's2'`);
  const { risk } = await createProtectionStore(pool).readProtection(KEY);
  expect(risk.workingOrders).toMatchObject([{ intentId: 's2', isTriggered: true }]);
  await database.pool.query('delete from orders; delete from signals');
});
