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

test('an order that its venue does not show any more is ended by a person, and no other that rests', async () => {
  await store.pool.query(`update orders set status = 'accepted', final_at = null, reserved_quantity = 0.1 where intent_id = 'o2'`);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 409, body: { code: 'INPUT_ORDER_SETTLED' } });
  const missing = `insert into incidents (incident_key, account, kind, data, opened_at)
    values ('workingOrderMissing:o2', 'main', 'workingOrderMissing', '{}', clock_timestamp() - interval '61 seconds')`;
  await store.pool.query(missing);
  expect(await decide(KEYS.risk, 'o2')).toMatchObject({ status: 200 });
  expect(
    await one(`select status, reserved_quantity::float as quantity, final_at is not null as final from orders where intent_id = 'o2'`),
  ).toEqual({
    status: 'canceled',
    quantity: 0,
    final: true,
  });
});
