import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { applyEvent } from '../../activities/order/evidence.js';
import { ZERO } from '../../core/money/index.js';
import { LIMITS } from '../../test/support/ledger.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { createOrderStore } from './order-store.js';
import { openPool } from './pool.js';
import { createProtectionStore } from './protection-store.js';

const OPENED = 'stopsTakenAway';
let database: TestDatabase;
let pool: Pool;
let stops = 0;

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
  await createControlStore(pool).applyConfiguration({ account: 'main', venue: 'paper', limits: LIMITS, strategies: [], subject: 'test' });
});
beforeEach(async () => {
  await database.pool.query(
    'delete from orders; delete from incidents; delete from alert_deliveries; delete from alerts; delete from positions',
  );
  await hold('BTC/USDT');
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const hold = (instrument: string): Promise<unknown> =>
  database.pool.query(
    `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('main', 'momentum', $1, 1, 100, 0)`,
    [instrument],
  );

/** The next stop of a position rests, and is canceled: by us, where its cancel was wished. */
async function canceled({ isWished = false, instrument = 'BTC/USDT' } = {}): Promise<string> {
  stops += 1;
  const intentId = `stop ${stops}`;
  await database.pool.query(
    `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, purpose, sequence, status,
       time_in_force, quantity, price, reserved_quantity, reserved_notional, control_version, epoch, venue_order_id)
     values ($1, $1, 'main', 'momentum', '1', $3, 'BTC', 'USDT', 'close', 'sell', 'stop', $2, 'accepted', 'GTC', 1, 97, 1, 0, 1, 1, $1)`,
    [intentId, stops, instrument],
  );
  const books = { store: createOrderStore(pool), epoch: 1 };
  if (isWished) await applyEvent(books, intentId, { kind: 'requestCancel' });
  const end = { kind: 'end', status: 'canceled', executedQuantity: ZERO, venueOrderId: intentId } as const;
  expect(await applyEvent(books, intentId, end)).toMatchObject({ status: 'canceled' });
  // As a second stream shows it.
  await applyEvent(books, intentId, end);
  return intentId;
}
const passes = (time: string): Promise<unknown> => database.pool.query(`update orders set final_at = final_at - $1::interval`, [time]);
const over = (): Promise<void> => createProtectionStore(pool).endTakenStops('main');
const incidents = async (): Promise<readonly unknown[]> => {
  const { rows } = await database.pool.query<{ instrument: string; stops: string[]; open: boolean }>(
    `select data->>'instrument' as instrument, data->'intentIds' as stops, closed_at is null as open from incidents where kind = $1 order by incident_id`,
    [OPENED],
  );
  return rows.map(({ instrument, stops: which, open }) => [instrument, which.join(), open ? 'open' : 'over']);
};
const alerts = async (): Promise<readonly unknown[]> => {
  const { rows } = await database.pool.query<{ kind: string; isDue: boolean }>(
    `select kind, next_at is not null as "isDue" from alerts order by alert_id`,
  );
  return rows.map(({ kind, isDue }) => (isDue ? kind : `${kind} (answered)`));
};

it('is told at the second time within an hour, once for as long as it goes on, and when it is over', async () => {
  const first = await canceled();
  await over();
  expect(await incidents()).toEqual([]);
  const second = await canceled();
  const told = ['BTC/USDT', `${second},${first}`, 'open'];
  expect(await incidents()).toEqual([told]);
  for (let more = 0; more < 20; more += 1) await canceled();
  await passes('59 minutes');
  await over();
  await canceled();
  await passes('59 minutes');
  await over();
  expect(await incidents()).toEqual([told]);
  expect(await alerts()).toEqual([`incident.${OPENED}`]);
  await passes('2 minutes');
  await Promise.all([over(), over()]);
  expect(await incidents()).toEqual([[...told.slice(0, 2), 'over']]);
  // Nobody was told of it before it was over: that is told still, once.
  expect(await alerts()).toEqual([`incident.${OPENED}`, `${OPENED}.over`]);
  const { rows } = await database.pool.query(`select subject, data->>'reason' as reason from audit_events where kind = 'incident.closed'`);
  expect(rows).toEqual([{ subject: 'guardian', reason: 'no stop of the position was taken away for an hour, or it is gone' }]);
  // What comes then is another.
  await canceled();
  expect(await incidents()).toHaveLength(1);
  await canceled();
  expect(await incidents()).toHaveLength(2);
});

it('is over with the position', async () => {
  await canceled();
  await canceled();
  await over();
  expect(await incidents()).toMatchObject([['BTC/USDT', expect.anything(), 'open']]);
  await database.pool.query(`insert into instruments (venue, instrument, rules) values ('paper', 'BTC/USDT', '{"stepSize": "0.01"}')`);
  await database.pool.query('update positions set quantity = 0.0123');
  await over();
  expect(await incidents()).toMatchObject([['BTC/USDT', expect.anything(), 'open']]);
  // What a fee has left is under the step.
  await database.pool.query('update positions set quantity = 0.0023');
  await over();
  expect(await incidents()).toMatchObject([['BTC/USDT', expect.anything(), 'over']]);
});

it('is none where we canceled them, where an hour lies between two, or where they are of two positions', async () => {
  await hold('ETH/USDT');
  await canceled({ isWished: true });
  await canceled();
  await canceled({ isWished: true });
  await canceled({ instrument: 'ETH/USDT' });
  await passes('61 minutes');
  await canceled();
  expect(await incidents()).toEqual([]);
  await canceled({ instrument: 'ETH/USDT' });
  await canceled({ instrument: 'ETH/USDT' });
  expect(await incidents()).toMatchObject([['ETH/USDT', expect.anything(), 'open']]);
});

it('goes on to be told where a person has closed it and another is taken, and by a clock that was set back', async () => {
  await canceled();
  await canceled();
  await database.pool.query('update incidents set closed_at = clock_timestamp()');
  await over();
  expect(await incidents()).toHaveLength(1);
  await canceled();
  expect(await incidents()).toHaveLength(2);
  // What was taken lies ahead by that clock.
  await passes('-3 hours');
  await over();
  expect(await incidents()).toMatchObject([
    [expect.anything(), expect.anything(), 'over'],
    [expect.anything(), expect.anything(), 'over'],
  ]);
  await canceled();
  expect(await incidents()).toHaveLength(2);
  await canceled();
  expect(await incidents()).toHaveLength(3);
});
