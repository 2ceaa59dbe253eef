import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCalendarActivities } from '../../../activities/calendar/index.js';
import { createCalendarStore } from '../../../adapters/store/calendar-store.js';
import { readCalendarFacts } from '../../../adapters/store/checks-store.js';
import { openPool } from '../../../adapters/store/pool.js';
import { eventually } from '../../../test/support/eventually.js';
import { workflowBundle } from '../../../test/support/order-worker.js';
import { testDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { temporalIfAny } from '../../../test/support/temporal.js';
import { configuredCalendar, refreshCalendarNow, sha256 } from '../../../workers/composition/calendar.js';
import { calendarSchedule, ensureSchedules, OF_NO_ACCOUNT, removeSchedules } from '../../../workers/composition/schedules.js';

const temporal = await temporalIfAny();
const LIMIT_MS = 60_000;
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(temporal === undefined)('the economic calendar', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  let database: TestDatabase;
  let pool: ReturnType<typeof openPool>;
  let connection: NativeConnection;
  let folder: string;
  beforeEach(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    connection = await NativeConnection.connect({ address });
    folder = await mkdtemp(join(tmpdir(), 'keelson-calendar-'));
  });
  afterEach(async () => {
    await connection?.close();
    await pool?.end();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is read from the file that is configured, by its schedule and at once; what cannot be read leaves what was known', async () => {
    const [client, taskQueue] = [new Client({ connection, namespace }), `calendar-${randomUUID()}`];
    const wanted = { source: 'events.csv', refreshMinutes: 60, maxAgeMinutes: 1_440, blockMinutesBefore: 30, blockMinutesAfter: 30 };
    const calendar = configuredCalendar({ calendar: wanted }, join(folder, 'keelson.config.json'));
    if (calendar === undefined) throw new Error('a calendar is configured');
    const { source: _source, ...settings } = calendar;
    const store = createCalendarStore(pool);
    await store.configure(settings);
    const file = join(folder, 'events.csv');
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await writeFile(file, `time,title,impact\n${inAnHour},Rates,high\n${inAnHour},Minutes,low\n`);
    const activities = createCalendarActivities({ store, calendar, sha256 });
    const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: await workflowBundle(), activities });
    const declared = { ...calendarSchedule(60), id: `calendar:${randomUUID()}`, workflowId: `calendar-${randomUUID()}` };
    await worker.runUntil(async () => {
      try {
        await ensureSchedules(client, [declared], taskQueue);
        await client.schedule.getHandle(declared.id).trigger();
        await eventually(
          async () => expect(await readCalendarFacts(pool)).toMatchObject({ failure: null, events: [{ title: 'Rates' }] }),
          LIMIT_MS,
        );
      } finally {
        await client.schedule.getHandle(declared.id).delete();
      }
      await writeFile(file, 'nonsense');
      await refreshCalendarNow(client, taskQueue);
      await eventually(
        async () =>
          expect(await readCalendarFacts(pool)).toMatchObject({
            failure: 'expected a first line with the columns time and title',
            events: [{ title: 'Rates' }],
          }),
        LIMIT_MS,
      );
      const told = await client.workflow.getHandle('calendar').result();
      expect(told).toMatchObject({ kind: 'failed' });
    });
  });

  it('that is not configured any more is read by no schedule', async () => {
    const [client, taskQueue] = [new Client({ connection, namespace }), `calendar-${randomUUID()}`];
    const declared = calendarSchedule(60);
    const isThere = (): Promise<boolean> =>
      client.schedule
        .getHandle(declared.id)
        .describe()
        .then(
          () => true,
          () => false,
        );
    try {
      await ensureSchedules(client, [declared], taskQueue);
      await removeSchedules(client, ['main', OF_NO_ACCOUNT], taskQueue);
      expect(await isThere()).toBe(true);
      // The list follows what is made a moment later.
      await eventually(async () => {
        await removeSchedules(client, ['main'], taskQueue);
        expect(await isThere()).toBe(false);
      }, LIMIT_MS);
    } finally {
      if (await isThere()) await client.schedule.getHandle(declared.id).delete();
    }
  });
});
