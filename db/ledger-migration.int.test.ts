import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyLedger } from '../api/ledger/verify.js';
import type { Database } from '../api/read/database.js';
import { applyFill, entriesOf, FLAT } from '../core/ledger/position.js';
import { text } from '../core/money/index.js';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';
import { fillOf, type UnitFill } from '../test/support/fills.js';

const FILLS: readonly UnitFill[] = [
  { side: 'buy', units: 4, price: 100, fee: 1, feeAsset: 'BTC', strategy: 'momentum' },
  { side: 'buy', units: 2, price: 130, fee: 3, feeAsset: 'USDT', strategy: 'momentum' },
  { side: 'sell', units: 3, price: 150, fee: 2, feeAsset: 'BNB', strategy: 'momentum' },
];
let before: BeforeMigration;
let position = FLAT;

beforeAll(async () => {
  before = await beforeMigration('20261126082000_ledger.sql');
  await before.client.query(`insert into accounts (account, venue) values ('main', 'paper'), ('unused', 'paper')`);
  await before.client.query(`insert into control (account) select account from accounts`);
  await before.client.query(`insert into risk_state (account, limits) select account, '{}' from accounts`);
  await before.client.query(`select onboard_account('main', '{"USDT": "1000", "BNB": "5"}')`);
});
afterAll(() => before?.close());

/** Books as each build does: the statement is the database's, what it is told is what order activities tell it. */
async function book(index: number): Promise<void> {
  const one = FILLS[index] as UnitFill;
  const fill = fillOf(one, index);
  const { venueTradeId, venueOrderId, intentId, instrument, side, feeAsset, liquiditySide, eventTime } = fill;
  await before.client.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, venue_order_id, control_version, epoch)
     values ($1, $1, 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', $2, 'accepted', 'IOC', 9, 100, 9, 0, $3, 1, 1)`,
    [intentId, side, venueOrderId],
  );
  const version = index;
  position = applyFill(position, fill);
  const order = { intentId, version: 1, status: 'filled', reservedQuantity: '0', reservedNotional: '0', isFinal: true };
  const { rows } = await before.client.query<{ answer: { result: string } }>('select book_fill($1) as answer', [
    {
      epoch: 1,
      fill: {
        ...{ account: 'main', venueTradeId, venueOrderId, intentId, instrument, side, feeAsset, liquiditySide, eventTime },
        ...{ price: text(fill.price), quantity: text(fill.quantity), fee: text(fill.fee) },
      },
      order: { ...order, executedQuantity: text(fill.quantity), executedNotional: text(fill.price.mul(fill.quantity)), venueOrderId },
      position: {
        ...{ strategy: 'momentum', version, quantity: text(position.quantity), cost: text(position.cost) },
        realizedPnl: text(position.realizedPnl),
      },
      entries: entriesOf(fill).map(({ asset, kind, delta }) => ({ asset, kind, delta: text(delta) })),
    },
  ]);
  expect(rows[0]?.answer.result).toBe('applied');
}

test('entries of before get their other half, everything kept is what they derive, and booking goes on', async () => {
  await book(0);
  await book(1);
  const kept = async (table: string) => (await before.client.query(`select * from ${table} order by 1, 2`)).rows as unknown[];
  const tables = ['positions', 'ledger_balances'];
  const were = await Promise.all(tables.map(kept));
  expect(await before.migrate()).toEqual(['20261126082000_ledger']);
  expect(await Promise.all(tables.map(kept))).toEqual(were);

  const { rows } = await before.client.query<{ line: string }>(
    `select concat_ws(' ', ledger_account, asset, trim_scale(sum(delta))) as line from ledger_entries group by ledger_account, asset order by 1`,
  );
  expect(rows.map((row) => row.line)).toEqual([
    ...['fees BTC 1', 'fees USDT 3', 'trading BTC -6', 'trading USDT 660', 'venue BTC 5', 'venue USDT -663'],
  ]);
  await book(2);
  // What is verified today has more to it than this one migration brought.
  await before.migrateAll();
  const database: Database = { query: (sql, values = []) => before.client.query(sql, [...values]) };
  expect(await verifyLedger(database, 'main')).toEqual({ account: 'main', fills: 3, movements: 0, equityPoints: 0, differences: [] });
  expect(await verifyLedger(database, 'unused')).toMatchObject({ fills: 0, differences: [] });
  const told = await before.client.query(`select account, data from audit_events where kind = 'ledger.balanced'`);
  expect(told.rows).toEqual([{ account: 'main', data: { entries: 12 } }]);
});
