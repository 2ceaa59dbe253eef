import { applyEvent } from '../../activities/order/evidence.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import type { OrderEvent } from '../../core/order/lifecycle.js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';

let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
  await store.pool.query(`insert into risk_state (account, limits) values ('main', '{}') on conflict do nothing`);
});
afterAll(() => store.drop());
beforeEach(() => {
  api = apiUnderTest(store);
});
afterEach(() => api.close());

const decide = (key: string, intentId: string): Promise<Answer> =>
  askAs(api.server, key, 'POST', '/v1/orders/decide', { intentId, reason: 'never received, says the venue' });
const one = async (sql: string): Promise<Record<string, unknown> | undefined> => (await store.pool.query(sql)).rows[0];
const riskVersion = async (): Promise<unknown> => (await one(`select version from risk_state where account = 'main'`))?.['version'];

test('P11: who may, and of what there is something to decide', async () => {
  expect(await decide(KEYS.trader, 'o2')).toMatchObject({ status: 403 });
  expect(await decide(KEYS.operator, 'o2')).toMatchObject({ status: 403 });
  expect(await decide(KEYS.risk, 'none')).toMatchObject({ status: 404, body: { code: 'INPUT_UNKNOWN_ORDER' } });
  expect(await decide(KEYS.risk, 'o1')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_SETTLED' } });
  await store.pool.query(`update orders set updated_at = clock_timestamp() - interval '55 seconds' where intent_id = 'o2'`);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_STILL_ASKED' } });
  expect(await one(`select status from orders where intent_id = 'o2'`)).toEqual({ status: 'unknown' });
});

test('P11: a person ends what stays unknown; it reserves nothing, and its instrument stays blocked', async () => {
  await store.pool.query(
    `update orders set updated_at = clock_timestamp() - interval '61 seconds', reserved_quantity = 0.1, reserved_notional = 210 where intent_id = 'o2'`,
  );
  const before = await riskVersion();
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
  const order = `select status, reserved_quantity::float as quantity, reserved_notional::float as notional, failures, version,
    final_at is not null as final from orders where intent_id = 'o2'`;
  const decided = await one(order);
  expect(decided).toMatchObject({
    status: 'notPlaced',
    quantity: 0,
    notional: 0,
    final: true,
    failures: [{ code: 'ORDER_DECIDED_BY_PERSON', values: { subject: 'risk' } }],
  });
  // What was decided on the state from before is refused (P4).
  expect(await riskVersion()).not.toBe(before);
  expect(await one(`select reason from blocked_instruments where instrument = 'SPX/USDT'`)).toMatchObject({
    reason: expect.stringContaining('o2'),
  });
  expect(await one(`select subject, data->>'reason' as reason from audit_events where kind = 'order.decided'`)).toEqual({
    subject: 'risk',
    reason: 'never received, says the venue',
  });
  expect(await one(`select data->>'instrument' as instrument from outbox where kind = 'positionChanged'`)).toEqual({
    instrument: 'SPX/USDT',
  });
  expect(await decide(KEYS.owner, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_SETTLED' } });
  expect(await one(order)).toEqual(decided);
});

/** The order rests, and is asked for: `miss` is what a look-up finds that does not show it. */
const seen = (event: OrderEvent): Promise<unknown> => applyEvent({ store: createOrderStore(store.pool), epoch: 1 }, 'o2', event);
const SHOWN: OrderEvent = { kind: 'accept', venueOrderId: '78' };
const MISSING: OrderEvent = { kind: 'miss' };
const passed = (seconds: number): Promise<unknown> =>
  store.pool.query('update orders set missing_since = missing_since - make_interval(secs => $1)', [seconds]);
const incidents = async (): Promise<string[]> =>
  (
    await store.pool.query<{ id: string }>(
      `select incident_id::text as id from incidents where kind = 'workingOrderMissing' and closed_at is null order by incident_id`,
    )
  ).rows.map(({ id }) => id);
const close = (incidentId: string | undefined): Promise<Answer> =>
  askAs(api.server, KEYS.risk, 'POST', '/v1/incidents/close', { incidentId, reason: 'looked into' });
const rests = `update orders set status = 'accepted', final_at = null, reserved_quantity = 0.1, venue_order_id = '78', missing_since = null,
  failures = '[]' where intent_id = 'o2'`;
const ended = { status: 'canceled', quantity: 0, final: true };
const order = (): Promise<unknown> =>
  one(`select status, reserved_quantity::float as quantity, final_at is not null as final from orders where intent_id = 'o2'`);

test('an order that its venue has not shown for a minute is ended by a person, and no other that rests', async () => {
  await store.pool.query(rests);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_SETTLED' } });
  await seen(MISSING);
  await passed(55);
  // Each look-up finds the same, and it is missing since the first.
  await seen(MISSING);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_STILL_ASKED' } });
  await passed(6);
  expect(await incidents()).toHaveLength(1);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
  expect(await order()).toEqual(ended);
  expect(await close((await incidents())[0])).toMatchObject({ status: 200 });
});

test('as long as it is missing its incident stays open; what was closed all the same keeps nobody from deciding', async () => {
  await store.pool.query(rests);
  await seen(MISSING);
  const [incident] = await incidents();
  const refused = await close(incident);
  expect(refused).toMatchObject({ status: 409, body: { code: 'INPUT_INCIDENT_ORDER_MISSING' } });
  expect(JSON.stringify(refused.body)).toContain('keelson decide o2');
  await store.pool.query('update incidents set closed_at = clock_timestamp() where incident_id = $1', [incident]);
  await passed(61);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
  expect(await order()).toEqual(ended);
});

test('one that came back is nobody’s to decide; when it goes missing again people are told again', async () => {
  await store.pool.query(rests);
  await seen(MISSING);
  await passed(61);
  await seen(SHOWN);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_SETTLED' } });
  const [first] = await incidents();
  // Shown now and then: that is one incident, for an hour.
  await seen(MISSING);
  await seen(SHOWN);
  expect(await incidents()).toEqual([first]);
  expect(await close(first)).toMatchObject({ status: 200 });
  await seen(MISSING);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_STILL_ASKED' } });
  const [second] = await incidents();
  expect(second).not.toBe(first);
  await seen(SHOWN);
  await store.pool.query(`update incidents set opened_at = opened_at - interval '61 minutes' where closed_at is null`);
  await seen(MISSING);
  expect(await incidents()).toEqual([second, expect.any(String)]);
  await passed(61);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
  expect(await order()).toEqual(ended);
});

test.each([
  [
    'unknown',
    'updated_at',
    'notPlaced',
    `update orders set status = 'unknown', final_at = null, missing_since = null where intent_id = 'o2'`,
  ],
  ['missing', 'missing_since', 'canceled', `${rests}; update orders set missing_since = clock_timestamp() where intent_id = 'o2'`],
])(
  'P11: one that is %s since a time to come, as the database’s clock was set back, is so from the first asking on',
  async (_, since, as, made) => {
    await store.pool.query(made);
    await store.pool.query(`update orders set ${since} = clock_timestamp() + interval '3 hours' where intent_id = 'o2'`);
    expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_STILL_ASKED' } });
    const back = (seconds: number) =>
      store.pool.query(`update orders set ${since} = ${since} - make_interval(secs => $1) where intent_id = 'o2'`, [seconds]);
    await back(55);
    expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_STILL_ASKED' } });
    await back(6);
    expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
    expect(await one(`select status from orders where intent_id = 'o2'`)).toEqual({ status: as });
  },
);
