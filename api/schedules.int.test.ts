import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiUnderTest, askAs, KEYS, seedPeople, type Answer, type ApiUnderTest } from '../test/support/api.js';
import { eventually } from '../test/support/eventually.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { temporalIfAny } from '../test/support/temporal.js';
import { temporalControl } from './control/temporal-control.js';
import type { Schedule } from './control/control-port.js';

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('schedules, through the API', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  const scheduleId = `test:${randomUUID()}`;
  let store: TestDatabase;
  let connection: Connection;
  let client: Client;
  let api: ApiUnderTest;

  beforeAll(async () => {
    store = await testDatabase();
    await seedPeople(store.pool);
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
    const action = {
      type: 'startWorkflow' as const,
      workflowType: 'scheduledRunbook',
      workflowId: scheduleId,
      taskQueue: scheduleId,
      args: [],
    };
    await client.schedule.create({ scheduleId, spec: { intervals: [{ every: '1d' }] }, action });
    api = apiUnderTest(store, { control: temporalControl({ connection: { address }, namespace, answerLimitMs: 60_000 }) });
  });
  afterAll(async () => {
    await client?.schedule.getHandle(scheduleId).delete();
    await api?.close();
    await connection?.close();
    await store?.drop();
  });

  const post = (key: string, kind: string, schedule = scheduleId): Promise<Answer> =>
    askAs(api.server, key, 'POST', `/v1/schedules/${kind}`, { schedule, reason: 'a test' });
  /** The list is the server's index, which follows its schedules a moment later. */
  const listed = (expected: Partial<Schedule>): Promise<void> =>
    eventually(async () => {
      const { body } = await askAs(api.server, KEYS.viewer, 'GET', '/v1/schedules');
      expect((body['schedules'] as Schedule[]).find(({ id }) => id === scheduleId)).toMatchObject(expected);
    }, 30_000);

  test('who keeps the machines pauses and resumes, with name and reason; a viewer looks', async () => {
    await listed({ isPaused: false, nextTime: expect.any(Number) as number, workflow: 'scheduledRunbook' });
    expect(await post(KEYS.trader, 'pause')).toMatchObject({ status: 403 });
    expect(await post(KEYS.operator, 'pause')).toMatchObject({ status: 200 });
    const told = () =>
      store.pool.query('select severity, summary, next_at is not null as is_told from alerts where kind = $1', ['schedule.paused']);
    const summary = expect.stringContaining(`operator pauses schedule ${scheduleId} (a test)`) as string;
    expect((await told()).rows).toEqual([{ severity: 'warning', summary, is_told: true }]);
    expect((await client.schedule.getHandle(scheduleId).describe()).state).toMatchObject({ paused: true, note: 'operator: a test' });
    await listed({ isPaused: true, nextTime: null, note: 'operator: a test' });
    expect(await post(KEYS.risk, 'resume')).toMatchObject({ status: 200 });
    await listed({ isPaused: false, missed: 0, skipped: 0 });
    expect((await told()).rows).toEqual([{ severity: 'warning', summary, is_told: false }]);
    const { rows } = await store.pool.query(
      `select kind, subject, data->>'schedule' as id from audit_events where kind like 'schedule.%' order by event_id`,
    );
    expect(rows).toEqual([
      { kind: 'schedule.pause', subject: 'operator', id: scheduleId },
      { kind: 'schedule.resume', subject: 'risk', id: scheduleId },
    ]);
  });

  test('one is started by hand, and one that is not there is told', async () => {
    expect(await post(KEYS.operator, 'trigger')).toMatchObject({ status: 200 });
    await eventually(async () => expect((await client.schedule.getHandle(scheduleId).describe()).info.numActionsTaken).toBe(1), 30_000);
    expect(await post(KEYS.operator, 'pause', 'nothing')).toMatchObject({
      status: 404,
      body: { code: 'INPUT_UNKNOWN_SCHEDULE', detail: expect.stringMatching(/There is no schedule nothing\. Known: \S/) as string },
    });
    expect((await store.pool.query(`select from alerts where summary like '%schedule nothing%'`)).rowCount).toBe(0);
  });
});
