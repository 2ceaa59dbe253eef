import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration('20261127170100_damaged_positions.sql');
  await before.client.query(`insert into accounts (account, venue) values ('main', 'paper')`);
  await before.client.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, venue_order_id, control_version, epoch)
     values ('i', 'i', 'main', 'momentum', '1', 'BTC/USDT', 'BTC', 'USDT', 'open', 'buy', 'accepted', 'IOC', 9, 100, 9, 0, 'v', 1, 1)`,
  );
  await before.client.query(
    `with i as (insert into incidents (incident_key, account, kind, data, closed_at) values ('d', 'main', 'reconciliation', '{}', now()) returning incident_id),
       run as (insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'main', 'minute') returning run_id)
     insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run,
         incident_id)
       select 'main', 'balanceMovement', 'balanceMovement', 'balance:USDT', '5', 'secondLook', 'open', '{}', '{}', run_id, run_id, incident_id from run, i`,
  );
});
afterAll(() => before?.close());

async function fill(trade: string, side: string, quantity: string, fee: string, feeAsset: string): Promise<void> {
  await before.client.query(
    `insert into fills (account, instrument, venue_trade_id, venue_order_id, intent_id, side, price, quantity, fee, fee_asset, liquidity_side,
       event_time) values ('main', 'BTC/USDT', $1, 'v', 'i', $2, 100, $3, $4, $5, 'taker', 1)`,
    [trade, side, quantity, fee, feeAsset],
  );
}

const sums = async (): Promise<unknown> =>
  (await before.client.query(`select strategy, instrument, trim_scale(quantity)::text as quantity from position_sums`)).rows;

test('positions are summed from the fills that there were, and with each that comes', async () => {
  await fill('1', 'buy', '4', '1', 'BTC');
  await fill('2', 'buy', '2', '3', 'USDT');
  await before.migrate();
  expect(await sums()).toEqual([{ strategy: 'momentum', instrument: 'BTC/USDT', quantity: '5' }]);
  await fill('3', 'sell', '1.5', '0.25', 'BTC');
  expect(await sums()).toEqual([{ strategy: 'momentum', instrument: 'BTC/USDT', quantity: '3.25' }]);
  const found = `select c->>'subject' as subject from book_contradictions('main') c where c->>'subject' like 'books:position:%'`;
  expect((await before.client.query(found)).rows).toEqual([]);
  await before.client.query('update position_sums set quantity = 3');
  expect((await before.client.query(found)).rows).toEqual([{ subject: 'books:position:momentum:BTC/USDT' }]);
});

test('an incident that was closed while its difference waits is open again, and that is told', async () => {
  const { rows } = await before.client.query(
    `select d.subject, i.closed_at, a.subject as by from reconciliation_differences d join incidents i using (incident_id)
       join audit_events a on a.kind = 'incident.reopened' and a.data->>'incidentId' = i.incident_id::text`,
  );
  expect(rows).toEqual([{ subject: 'balance:USDT', closed_at: null, by: 'migration' }]);
});
