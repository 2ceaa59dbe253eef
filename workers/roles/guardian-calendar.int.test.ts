import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCalendarFacts } from '../../adapters/store/checks-store.js';
import { openServers, type CrashServers } from '../../test/faults/crash/servers.js';
import { until } from '../../test/faults/crash/until.js';
import { ACCOUNT, World } from '../../test/faults/crash/world.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { CALENDAR_WORKFLOW_ID } from '../../workflows/names.js';
import { refreshCalendarNow } from '../composition/calendar.js';
import { calendarSchedule } from '../composition/schedules.js';

const temporal = await temporalIfAny();
const MINUTES = { refreshMinutes: 60, maxAgeMinutes: 1_440, blockMinutesBefore: 30, blockMinutesAfter: 30 };

describe.skipIf(temporal === undefined)('guardians with an economic calendar', { timeout: 300_000 }, () => {
  let servers: CrashServers;
  let world: World;
  let folder: string;

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    world = await World.open(servers);
    folder = await mkdtemp(join(tmpdir(), 'keelson-calendar-'));
  });
  afterAll(async () => {
    await world?.close();
    await servers?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** The world's configuration with a calendar of one event, or with none. */
  const configured = async (event: string | undefined, morning = '08:00'): Promise<string> => {
    const of = JSON.parse(await readFile(world.configFile, 'utf8')) as { readonly accounts: Record<string, { checks?: object }> };
    for (const account of Object.values(of.accounts)) account.checks = { morning };
    const name = event ?? 'none';
    const [file, source] = [join(folder, `${name}.json`), join(folder, `${name}.csv`)];
    await writeFile(source, `time,title,impact\n${new Date(Date.now() + 3_600_000).toISOString()},${name},high\n`);
    await writeFile(file, JSON.stringify(event === undefined ? of : { ...of, calendar: { source, ...MINUTES } }));
    return file;
  };
  const known = async (): Promise<string | undefined> => (await readCalendarFacts(world.pool))?.events[0]?.title;
  const alerts = async (): Promise<number> => (await world.pool.query(`select from alerts where kind = 'calendar.differs'`)).rowCount ?? 0;
  const morningHour = async (): Promise<number | undefined> => {
    const { spec } = await world.client.schedule.getHandle(`morningChecks:${ACCOUNT}`).describe();
    return spec.calendars?.[0]?.hour?.[0]?.start;
  };
  const isScheduled = (): Promise<boolean> =>
    world.client.schedule
      .getHandle(calendarSchedule(MINUTES.refreshMinutes).id)
      .describe()
      .then(
        () => true,
        () => false,
      );

  it('read it at their start and keep it; one that is left of an older start changes nothing of it, and people are told', async () => {
    const [older, newer] = [randomUUID(), randomUUID()];
    const first = await world.start('guardian', { KEELSON_CONFIG: await configured('rates'), KEELSON_START: older });
    await until(
      'the calendar is read',
      async () => (await known()) === 'rates',
      () => first.logTail(),
    );
    expect(await isScheduled()).toBe(true);
    await first.kill();

    const second = await world.start('guardian', { KEELSON_CONFIG: await configured('jobs'), KEELSON_START: newer });
    await until(
      'the newer calendar is read',
      async () => (await known()) === 'jobs',
      () => second.logTail(),
    );
    expect(await alerts()).toBe(0);
    await second.kill();

    const third = await world.start('guardian', { KEELSON_CONFIG: await configured(undefined), KEELSON_START: older });
    expect({ known: await known(), isScheduled: await isScheduled() }).toEqual({ known: 'jobs', isScheduled: true });
    const { rows } = await world.pool.query(`select alert_key as key from alerts where kind = 'calendar.differs'`);
    expect(rows).toEqual([{ key: `calendar:older:${older}` }]);
    await third.kill();
  });

  it('two at once: the calendar is read by the one of the newest start, and the checks are at its times, whoever comes back', async () => {
    const [older, newer] = [randomUUID(), randomUUID()];
    const [before, after] = [await configured('before', '07:00'), await configured('after', '09:00')];
    const guardian = (file: string, start: string) => world.start('guardian', { KEELSON_CONFIG: file, KEELSON_START: start });
    const old = await guardian(before, older);
    await until('the older calendar is read', async () => (await known()) === 'before');
    const present = await guardian(after, newer);
    await until('the newer calendar is read', async () => (await known()) === 'after');
    expect(await morningHour()).toBe(9);
    await old.kill();
    const back = await guardian(before, older);
    expect({ hour: await morningHour(), known: await known() }).toEqual({ hour: 9, known: 'after' });

    // Whoever of the two takes the reading up: what cannot be read of the newest is told, and what is there again is read.
    const refresh = async (): Promise<unknown> => {
      await refreshCalendarNow(world.client);
      return world.client.workflow.getHandle(CALENDAR_WORKFLOW_ID).result();
    };
    const source = join(folder, 'after.csv');
    const text = await readFile(source, 'utf8');
    await rm(source);
    for (const _ of [1, 2]) expect(await refresh()).toMatchObject({ kind: 'failed' });
    expect((await readCalendarFacts(world.pool))?.failure).toContain('after.csv');
    await writeFile(source, text);
    for (const _ of [1, 2]) expect(await refresh()).toMatchObject({ kind: 'read' });
    expect((await readCalendarFacts(world.pool))?.failure).toBeNull();
    await Promise.all([present.kill(), back.kill()]);
  });
});
