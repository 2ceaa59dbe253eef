import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, seedTrading, type Answer, type ApiUnderTest } from '../../test/support/api.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { Alert } from '../read/alerts.js';

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
const alerts = async (query = ''): Promise<Alert[]> => (await call(KEYS.viewer, 'GET', `/v1/alerts${query}`)).body['alerts'] as Alert[];

test('an incident is an alert, until a person has seen it, under that person’s name and key, once', async () => {
  const [alert] = await alerts('?account=main');
  expect(alert).toMatchObject({
    account: 'main',
    severity: 'error',
    kind: 'incident.oddFill',
    acknowledgedTime: null,
    rounds: 0,
    times: 1,
  });
  const body = { alertId: alert?.alertId, reason: 'looked into' };
  expect(await call(KEYS.viewer, 'POST', '/v1/alerts/acknowledge', body)).toMatchObject({ status: 403 });
  expect(await call(KEYS.trader, 'POST', '/v1/alerts/acknowledge', body)).toEqual({ status: 200, body: { status: 'done' } });
  expect(await call(KEYS.risk, 'POST', '/v1/alerts/acknowledge', body)).toMatchObject({ status: 200 });
  expect(await alerts()).toEqual([]);
  expect(await alerts('?all=true')).toMatchObject([{ acknowledgedBy: 'trader', acknowledgedTime: expect.any(Number) }]);
  const { rows } = await store.pool.query(`select subject, data->>'reason' as reason from audit_events where kind = 'alert.acknowledged'`);
  expect(rows).toEqual([{ subject: 'trader', reason: 'looked into' }]);
  expect(await call(KEYS.risk, 'POST', '/v1/alerts/acknowledge', { ...body, alertId: '999' })).toMatchObject({
    status: 404,
    body: { code: 'INPUT_UNKNOWN_ALERT' },
  });
});

test('a test alert is raised by whoever may, and tells what became of it', async () => {
  const raised = await call(KEYS.operator, 'POST', '/v1/alerts/test', { severity: 'critical' });
  const alertId = raised.body['alertId'] as string;
  expect(await call(KEYS.trader, 'POST', '/v1/alerts/test', { severity: 'info' })).toMatchObject({ status: 403 });
  expect(await call(KEYS.operator, 'POST', '/v1/alerts/test', { severity: 'loud' })).toMatchObject({ status: 400 });
  const delivery = `insert into alert_deliveries (alert_id, round, channel, recipient, delivered_at, next_at, detail)
    values ($1, 0, $2, 0, $3::timestamptz, $4::timestamptz, $5)`;
  await store.pool.query(delivery, [alertId, 'log', 'now', null, null]);
  await store.pool.query(delivery, [alertId, 'sms', null, 'now', 'HTTP status 500']);
  expect((await alerts()).find((one) => one.alertId === alertId)).toMatchObject({
    severity: 'critical',
    summary: 'A test, asked for by operator: nothing is wrong.',
    deliveries: [
      { channel: 'log', delivered: 1, waiting: 0, failed: 0, detail: null },
      { channel: 'sms', delivered: 0, waiting: 1, failed: 0, detail: 'HTTP status 500' },
    ],
  });
});

test('a run that waits no more, or has ended, calls nobody; what is critical stays until it was seen', async () => {
  const { rows } = await store.pool.query<{ run_id: string }>(
    `insert into runbook_runs (run_id, runbook, account, resource, inputs, reason, status, epoch)
       select gen_random_uuid(), 'morningChecks', 'main', 'test:main', '{}', 'a test', 'waitingForPerson', epoch from instance returning run_id`,
  );
  const runId = rows[0]?.run_id;
  for (const severity of ['error', 'critical']) {
    const detail = { runId, about: `1:1:${severity}`, severity, detail: 'somebody signs' };
    await store.pool.query('select call_for_runbook($1)', [detail]);
  }
  const waits = async (query = ''): Promise<string[]> =>
    (await alerts(query)).filter(({ kind }) => kind === 'runbook.waits').map(({ severity }) => severity);
  expect(await waits()).toEqual(['critical', 'error']);
  await store.pool.query(`update runbook_runs set status = 'paused' where run_id = $1`, [runId]);
  expect(await waits()).toEqual(['critical', 'error']);
  await store.pool.query(`update runbook_runs set status = 'running' where run_id = $1`, [runId]);
  expect(await waits()).toEqual(['critical']);
  await store.pool.query('select end_runbook($1)', [{ runId, status: 'aborted', detail: null }]);
  expect(await waits()).toEqual(['critical']);
  expect(await waits('?all=true')).toEqual(['critical', 'error']);
});

test('what was told of an incident that is closed, or of a schedule that runs again, waits for nobody; what is critical does', async () => {
  // An incident raises its alert itself.
  await store.pool.query(`insert into incidents (incident_key, account, kind, data) values ('over', 'main', 'foreignFill', '{}')`);
  await store.pool.query(`insert into alerts (alert_key, account, severity, kind, summary, next_at)
    values ('schedule:over', 'main', 'warning', 'schedule.paused', 'a test', now())`);
  const { rows } = await store.pool.query<{ id: string }>(
    `with changed as (update alerts set severity = 'error' where alert_key in ('incident:over', 'schedule:over') returning alert_id)
       select alert_id::text as id from changed order by alert_id`,
  );
  const ids = rows.map(({ id }) => id);
  const waiting = async (): Promise<string[]> =>
    (await alerts(''))
      .map(({ alertId }) => alertId)
      .filter((id) => ids.includes(id))
      .reverse();
  const change = (what: string): Promise<unknown> => store.pool.query(`${what} where alert_id = any ($1)`, [ids]);
  const deliver = `insert into alert_deliveries (alert_id, round, channel, recipient, delivered_at, next_at) select alert_id, 1, 'log', 0, now(), null from alerts`;
  expect(await waiting()).toEqual(ids);
  await change('update alerts set next_at = null');
  // The schedule was resumed; the incident is open, and later is closed with nobody told.
  expect(await waiting()).toEqual([ids[0]]);
  await store.pool.query(`update incidents set closed_at = now() where incident_key = 'over'`);
  await change('update alerts set next_at = null');
  expect(await waiting()).toEqual([ids[0]]);
  await change(deliver);
  expect(await waiting()).toEqual([]);
  await change(`update alerts set severity = 'critical'`);
  expect(await waiting()).toEqual(ids);
});

test('the watch is shown, also of an account that nobody has watched yet', async () => {
  const watched = async (): Promise<unknown> => (await call(KEYS.viewer, 'GET', '/v1/watch')).body['accounts'];
  expect(await watched()).toMatchObject([{ account: 'main', sampledTime: null, equity: null, conditions: [], details: {} }]);
  await store.pool.query(
    `insert into account_watch (account, quote, equity, equity_at, peak, drawdown_ratio, day_opening, day_flows, daily_pnl, daily_loss_ratio, exposure, runs)
     values ('main', 'USDT', 900.50, now(), 1000, 0.0995, 905, 0, -4.5, 0.00497237569, 12, '{"drawdownWarn": {}}')`,
  );
  expect(await watched()).toMatchObject([
    {
      ...{ equity: '900.5', peak: '1000', drawdownRatio: '0.0995', dayOpening: '905', dayFlows: '0', dailyPnl: '-4.5' },
      ...{ dailyLossRatio: '0.004972', exposure: '12', conditions: ['drawdownWarn'], ageMs: expect.any(Number) },
    },
  ]);
});
