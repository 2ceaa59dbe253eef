import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCalendarActivities } from '../../activities/calendar/index.js';
import { createCalendarStore } from '../../adapters/store/calendar-store.js';
import { readCalendarFacts } from '../../adapters/store/checks-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { eventually } from '../../test/support/eventually.js';
import { testDatabase } from '../../test/support/postgres.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { configuredCalendar, sha256 } from './calendar.js';
import { KeptSchedules } from './kept-schedules.js';
import { calendarSchedule, declaredSchedules, ensureSchedules, OF_NO_ACCOUNT, removeSchedules } from './schedules.js';

const temporal = await temporalIfAny();
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
const WANTED = { source: 'events.csv', refreshMinutes: 60, maxAgeMinutes: 1_440, blockMinutesBefore: 20, blockMinutesAfter: 40 };
const by = (start: string) => ({ start, build: '1.0.0' });
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-calendar-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('is read from the file that is configured; what cannot be read leaves what was known', async () => {
  const database = await testDatabase();
  const pool = openPool(database.url, { applicationName: 'test' });
  try {
    const store = createCalendarStore(pool);
    const calendar = configuredCalendar({ calendar: WANTED }, join(folder, 'keelson.config.json'));
    if (calendar === undefined) throw new Error('a calendar is configured');
    const { source: _source, ...settings } = calendar;
    expect(settings).toMatchObject({ beforeMs: 1_200_000, afterMs: 2_400_000, maxAgeMs: 86_400_000 });
    const activities = createCalendarActivities({ store, calendar, sha256 });
    await store.configure(settings, by('one'));
    const file = join(folder, 'events.csv');
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await writeFile(file, `time,title,impact\n${inAnHour},Rates,high\n${inAnHour},Minutes,low\n`);
    expect(await activities.calendarRefresh()).toEqual({ kind: 'read', events: 2, marked: 1 });
    expect(await readCalendarFacts(pool)).toMatchObject({ failure: null, maxAgeMs: 86_400_000, events: [{ title: 'Rates' }] });
    await writeFile(file, 'nonsense');
    const why = 'expected a first line with the columns time and title';
    expect(await activities.calendarRefresh()).toEqual({ kind: 'failed', detail: why });
    expect(await readCalendarFacts(pool)).toMatchObject({ failure: why, events: [{ title: 'Rates' }] });
    // A process of an older configuration changes nothing of what another has configured since, and answers for nobody.
    await store.configure({ ...settings, sourceSha256: 'another' }, by('two'));
    await writeFile(file, 'time,title\n');
    const logger = new DefaultLogger('ERROR');
    const offer = (attempt: number) => new MockActivityEnvironment({ attempt }, { logger }).run(() => activities.calendarRefresh());
    for (const [attempt, nextRetryDelay] of [
      [1, 1_000],
      [19, 1_000],
      [20, 15_000],
      [47, 15_000],
    ] as const)
      await expect(offer(attempt)).rejects.toMatchObject({ type: 'CALENDAR_OF_ANOTHER_START', nonRetryable: false, nextRetryDelay });
    expect(await readCalendarFacts(pool)).toMatchObject({ failure: null });
    // Where nobody takes it for longer than a rolling deployment leaves the newest start without its guardian, people are told.
    const nobody = 'no guardian runs that is configured with it';
    expect(await offer(48)).toEqual({ kind: 'failed', detail: nobody });
    expect(await readCalendarFacts(pool)).toMatchObject({ failure: nobody });
    await store.configure(null, by('three'));
    expect(await activities.calendarRefresh()).toEqual({ kind: 'notConfigured' });
    expect(await createCalendarActivities({ store, calendar: undefined, sha256 }).calendarRefresh()).toEqual({ kind: 'notConfigured' });
  } finally {
    await pool.end();
    await database.drop();
  }
});

describe.skipIf(temporal === undefined)('its schedule', () => {
  const { address = '', namespace = '' } = temporal ?? {};

  it('is set again by the newest start when a build that knows of no order has set its own, and nothing else is touched', async () => {
    const connection = await Connection.connect({ address });
    const [client, taskQueue] = [new Client({ connection, namespace }), `kept-${randomUUID()}`];
    const account = `a${randomUUID().slice(0, 8)}`;
    const [minute, , , morning, evening] = declaredSchedules({ [account]: { timeZone: 'UTC', morning: '08:00', evening: '18:30' } });
    if (minute === undefined || morning === undefined || evening === undefined) throw new Error('five schedules are declared');
    const ours = [minute, morning, evening];
    const of = async (id: string) => {
      const { spec, state, info } = await client.schedule.getHandle(id).describe();
      return { hour: spec.calendars?.[0]?.hour?.[0]?.start, paused: state.paused, changedAt: info.lastUpdatedAt?.getTime() };
    };
    let isNewest = true;
    const kept = new KeptSchedules({
      place: () => Promise.resolve(isNewest ? 'newest' : 'older'),
      begin: () => Promise.reject(new Error('it has begun')),
      set: async () => void (await ensureSchedules(client, ours, taskQueue, 'changed')),
      log: { warn: (...told: unknown[]) => expect.fail(JSON.stringify(told)) },
    });
    try {
      await ensureSchedules(client, ours, taskQueue);
      await client.schedule.getHandle(evening.id).pause('by a person');
      const before = await Promise.all(ours.map(({ id }) => of(id)));
      // As 0.3.0 does at its start: its own times, and no mark.
      await client.schedule.getHandle(morning.id).update(({ state, action }) => ({
        state,
        spec: { calendars: [{ hour: 5, minute: 0 }], timezone: 'UTC' },
        action: { type: 'startWorkflow', workflowType: action.workflowType, taskQueue, args: [] },
      }));
      await client.schedule.getHandle(minute.id).delete();
      isNewest = false;
      await kept.look();
      expect((await of(morning.id)).hour).toBe(5);
      isNewest = true;
      await kept.look();
      const after = await Promise.all(ours.map(({ id }) => of(id)));
      expect(after.map(({ hour, paused }) => [hour, paused])).toEqual(before.map(({ hour, paused }) => [hour, paused]));
      expect(before.map(({ hour, paused }) => [hour, paused])).toEqual([
        [undefined, false],
        [8, false],
        [18, true],
      ]);
      // The one that was as declared was not set again.
      expect(after[2]?.changedAt).toBe(before[2]?.changedAt);
      kept.start(1);
      await client.schedule.getHandle(evening.id).delete();
      await eventually(async () => expect((await of(evening.id)).hour).toBe(18), 60_000);
    } finally {
      await kept.close();
      for (const { id } of ours) await client.schedule.getHandle(id).delete();
      await connection.close();
    }
  });

  it('is there while a calendar is configured', async () => {
    const connection = await Connection.connect({ address });
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
      }, 60_000);
    } finally {
      if (await isThere()) await client.schedule.getHandle(declared.id).delete();
      await connection.close();
    }
  });
});
