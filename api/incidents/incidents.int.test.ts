import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Incident } from '../read/incidents.js';

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

const call = (key: string, method: 'GET' | 'POST', url: string, body?: object): Promise<Answer> =>
  askAs(api.server, key, method, url, body);
const incidents = async (query = ''): Promise<Incident[]> =>
  (await call(KEYS.viewer, 'GET', `/v1/incidents${query}`)).body['incidents'] as Incident[];
const blocked = async (): Promise<string[]> =>
  (await store.pool.query<{ instrument: string }>('select instrument from blocked_instruments order by 1')).rows.map(
    (row) => row.instrument,
  );
const audited = async (kind: string) =>
  (
    await store.pool.query<{ subject: string; data: object }>('select subject, data from audit_events where kind = $1 order by event_id', [
      kind,
    ])
  ).rows;

test('an incident is shown until a person closes it, under that person’s name, once', async () => {
  const [incident] = await incidents();
  expect(incident).toMatchObject({ account: 'main', kind: 'oddFill', closedTime: null });
  const body = { incidentId: incident?.incidentId, reason: 'the venue has explained it' };
  expect(await call(KEYS.risk, 'POST', '/v1/incidents/close', body)).toEqual({ status: 200, body: { status: 'done' } });
  expect(await call(KEYS.operator, 'POST', '/v1/incidents/close', body)).toMatchObject({ status: 200 });
  expect(await incidents()).toEqual([]);
  expect(await incidents('?all=true')).toMatchObject([{ kind: 'oddFill', closedTime: expect.any(Number) }]);
  expect(await audited('incident.closed')).toMatchObject([{ subject: 'risk', data: { incident: 'oddFill', reason: body.reason } }]);
  expect(await call(KEYS.risk, 'POST', '/v1/incidents/close', { ...body, incidentId: '999' })).toMatchObject({
    status: 404,
    body: { code: 'INPUT_UNKNOWN_INCIDENT' },
  });
});

test('the incident of a difference stays open as long as that waits for its decision', async () => {
  const { rows } = await store.pool.query<{ incident: string; difference: string }>(
    `with i as (insert into incidents (incident_key, account, kind, data) values ('d', 'main', 'reconciliation', '{}') returning incident_id),
       run as (insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'main', 'minute') returning run_id)
     insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run,
         incident_id)
       select 'main', 'balanceMovement', 'balanceMovement', 'balance:USDT', '5', 'secondLook', 'open', '{}', '{}', run_id, run_id, incident_id
       from run, i returning incident_id::text as incident, difference_id::text as difference`,
  );
  const { incident = '', difference = '' } = rows[0] ?? {};
  const body = { incidentId: incident, reason: 'seen' };
  const refused = await call(KEYS.risk, 'POST', '/v1/incidents/close', body);
  expect(refused).toMatchObject({ status: 409, body: { code: 'INPUT_INCIDENT_UNDECIDED' } });
  expect(JSON.stringify(refused.body)).toContain(`keelson reconcile decide ${difference}`);
  await store.pool.query(`update reconciliation_differences set status = 'settled', ended_at = clock_timestamp()`);
  expect(await call(KEYS.risk, 'POST', '/v1/incidents/close', body)).toMatchObject({ status: 200 });
});

test('an instrument that waits for a person is let go by one, and may be blocked by one', async () => {
  const body = { account: 'main', instrument: 'BTC/USDT', reason: 'looked into' };
  expect(await blocked()).toEqual(['BTC/USDT']);
  expect(await call(KEYS.risk, 'POST', '/v1/instruments/unblock', body)).toMatchObject({ status: 200 });
  expect(await blocked()).toEqual([]);
  expect(await audited('instrument.unblocked')).toMatchObject([
    { subject: 'risk', data: { instrument: 'BTC/USDT', was: 'an order is unknown', reason: 'looked into' } },
  ]);
  expect(await call(KEYS.risk, 'POST', '/v1/instruments/unblock', body)).toMatchObject({
    status: 409,
    body: { code: 'INPUT_NOT_BLOCKED' },
  });
  expect(await call(KEYS.trader, 'POST', '/v1/instruments/block', body)).toMatchObject({ status: 200 });
  expect(await call(KEYS.trader, 'POST', '/v1/instruments/block', { ...body, reason: 'again' })).toMatchObject({ status: 200 });
  // What a person does is told each time, and who lets it go sees all that it is blocked for.
  expect(await audited('instrument.blocked')).toMatchObject([
    { subject: 'trader', data: { reason: 'looked into' } },
    { subject: 'trader', data: { reason: 'again' } },
  ]);
});

test('an instrument stays blocked while an order of it is unknown', async () => {
  const body = { account: 'main', instrument: 'SPX/USDT', reason: 'in a hurry' };
  expect(await call(KEYS.trader, 'POST', '/v1/instruments/block', body)).toMatchObject({ status: 200 });
  expect(await call(KEYS.risk, 'POST', '/v1/instruments/unblock', body)).toMatchObject({
    status: 409,
    body: { code: 'INPUT_ORDER_UNRESOLVED' },
  });
  expect(await blocked()).toContain('SPX/USDT');
});

test('what is wrong with a request is said', async () => {
  const unknown = { account: 'main', instrument: 'NONE/USDT', reason: 'no such thing' };
  expect(await call(KEYS.trader, 'POST', '/v1/instruments/block', unknown)).toMatchObject({ body: { code: 'INPUT_UNKNOWN_INSTRUMENT' } });
  expect(await call(KEYS.trader, 'POST', '/v1/instruments/block', { ...unknown, account: 'other' })).toMatchObject({
    body: { code: 'INPUT_UNKNOWN_ACCOUNT' },
  });
  expect(await call(KEYS.risk, 'POST', '/v1/incidents/close', { incidentId: '1 or 1=1', reason: 'odd' })).toMatchObject({ status: 400 });
});
