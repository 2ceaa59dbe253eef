import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection, ScheduleOverlapPolicy, type ScheduleDescription } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import { OWN_NAMESPACE, ownTemporal } from '../../test/support/own-temporal.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { calendarSchedule, declaredSchedules, ensureSchedules, type DeclaredSchedule } from './schedules.js';

// The SDK tells of every step of the worker, and of a server that is away; only what went wrong is of interest.
Runtime.install({ logger: new DefaultLogger('ERROR') });
const temporal = await temporalIfAny();
// A busy machine takes its time, and an outage of minutes takes minutes.
vi.setConfig({ testTimeout: 900_000 });
const [MINUTE, HOUR] = [60_000, 3_600_000];
const madrid = { timeZone: 'Europe/Madrid', morning: '08:00', evening: '18:30' };

/** How late something is still done, as docs/concepts/runbooks.md says. */
const PROMISED: Readonly<Record<string, number>> = {
  ...{ minute: MINUTE, hour: MINUTE, day: 6 * HOUR, morningChecks: 6 * HOUR, eveningChecks: 6 * HOUR, calendar: MINUTE },
};
const nameOf = ({ id }: DeclaredSchedule): string => {
  const [first = '', , scope] = id.split(':');
  return scope ?? first;
};
/** As Temporal tells what is due once on each day. */
const eachDayAt = (hour: number, minute: number): readonly object[] => {
  const [of, days] = [(start: number) => [{ start, end: start, step: 1 }], [{ start: 1, end: 31, step: 1 }]];
  const whole = { month: [{ start: 'JANUARY', end: 'DECEMBER', step: 1 }], dayOfWeek: [{ start: 'SUNDAY', end: 'SATURDAY', step: 1 }] };
  return [expect.objectContaining({ hour: of(hour), minute: of(minute), second: of(0), dayOfMonth: days, ...whole })];
};

describe.skipIf(temporal === undefined)('schedules', () => {
  it('are kept by Temporal as they are declared: how late, one at a time, and in whose zone', async () => {
    const { address = '', namespace = '' } = temporal ?? {};
    const connection = await Connection.connect({ address });
    const client = new Client({ connection, namespace });
    const declared = [...declaredSchedules({ [`a${randomUUID().slice(0, 8)}`]: madrid }), calendarSchedule(60)];
    const ours = declared.map((one) => ({ ...one, id: one.account === null ? `${one.id}${randomUUID()}` : one.id }));
    try {
      await ensureSchedules(client, ours, `declared-${randomUUID()}`);
      const kept: Record<string, ScheduleDescription> = {};
      for (const one of ours) kept[nameOf(one).replace(/\*.*/, '')] = await client.schedule.getHandle(one.id).describe();
      const of = <Value>(get: (one: ScheduleDescription) => Value): Record<string, Value> =>
        Object.fromEntries(Object.entries(kept).map(([name, one]) => [name, get(one)]));
      expect(of(({ policies }) => policies.catchupWindow)).toEqual(PROMISED);
      // What comes again soon is left out while one is at work; of the checks of a day each begins, so that people are told of one that cannot.
      const { SKIP, ALLOW_ALL } = ScheduleOverlapPolicy;
      expect(of(({ policies }) => policies.overlap)).toEqual({
        ...{ minute: SKIP, hour: SKIP, day: SKIP, calendar: SKIP, morningChecks: ALLOW_ALL, eveningChecks: ALLOW_ALL },
      });
      // Each minute, each hour at its own minute, and once a day, with what keeps accounts from coming all at once.
      expect(of(({ spec }) => spec.intervals ?? [])).toEqual({
        ...{ minute: [{ every: MINUTE }], hour: [{ every: HOUR, offset: 7 * MINUTE }], calendar: [{ every: HOUR }] },
        ...{ day: [], morningChecks: [], eveningChecks: [] },
      });
      expect(of(({ spec }) => spec.calendars ?? [])).toEqual({
        ...{ minute: [], hour: [], day: eachDayAt(0, 20), calendar: [] },
        ...{ morningChecks: eachDayAt(8, 0), eveningChecks: eachDayAt(18, 30) },
      });
      expect(of(({ spec }) => spec.jitter)).toMatchObject({ minute: 5_000, hour: MINUTE, day: MINUTE });
      expect(of(({ spec }) => spec.timezone)).toMatchObject({ day: 'UTC', morningChecks: 'Europe/Madrid', eveningChecks: 'Europe/Madrid' });
      // In the zone's time of day, whatever the season: 07:00 or 06:00 by UTC.
      const hours = kept['morningChecks']?.info.nextActionTimes.map((time) =>
        new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Madrid', hour: '2-digit', minute: '2-digit' }).format(time),
      );
      expect(new Set(hours)).toEqual(new Set(['08:00']));
    } finally {
      for (const { id } of ours) await client.schedule.getHandle(id).delete();
      await connection.close();
    }
  });

  it('that Temporal does not take, as where it knows a time zone by another name, keep none of the others from being set', async () => {
    const { address = '', namespace = '' } = temporal ?? {};
    const connection = await Connection.connect({ address });
    const client = new Client({ connection, namespace });
    const [bad, good] = ['b', 'g'].map((letter) => `${letter}${randomUUID().slice(0, 8)}`) as [string, string];
    const ours = declaredSchedules({ [bad]: { ...madrid, timeZone: 'utc' }, [good]: madrid });
    const taskQueue = `refused-${randomUUID()}`;
    const ids = async (): Promise<readonly string[]> => {
      const there = await Promise.all(
        ours.map(({ id }) =>
          client.schedule
            .getHandle(id)
            .describe()
            .then(
              () => [id],
              () => [],
            ),
        ),
      );
      return there.flat();
    };
    const refused = [`morningChecks:${bad}`, `eveningChecks:${bad}`];
    try {
      const told = await ensureSchedules(client, ours, taskQueue);
      expect(told.map(({ schedule, detail }) => [schedule.id, schedule.setting, detail])).toEqual(
        refused.map((id) => [id, `accounts.${bad}.checks`, 'unknown time zone utc']),
      );
      expect(await ids()).toEqual(ours.map(({ id }) => id).filter((id) => !refused.includes(id)));
      // One that is there already stays as it was.
      await ensureSchedules(client, declaredSchedules({ [bad]: madrid }), taskQueue);
      expect((await ensureSchedules(client, ours, taskQueue)).map(({ schedule }) => schedule.id)).toEqual(refused);
      expect((await client.schedule.getHandle(`morningChecks:${bad}`).describe()).spec.timezone).toBe('Europe/Madrid');
    } finally {
      for (const id of await ids()) await client.schedule.getHandle(id).delete();
      await connection.close();
    }
  });

  it('that were due while Temporal was away: what is done again soon is done once, what is due once a day is not lost, and nothing piles up', async (context) => {
    const server = await ownTemporal();
    if (server === undefined) return context.skip('the Temporal server is not this test’s own to stop');
    const first = await Connection.connect({ address: server.address });
    // Whole minutes: three of them come and go while the server is away, the first soon.
    const away = Math.ceil((Date.now() + 15_000) / MINUTE) * MINUTE;
    const back = away + 2 * MINUTE;
    const timeOfDay = (time: number): string => new Date(time).toISOString().slice(11, 16);
    const checks = { timeZone: 'UTC', morning: timeOfDay(away), evening: timeOfDay(away + 12 * HOUR) };
    const [ended, stuck] = ['main', 'stuck'].map((account) =>
      declaredSchedules({ [account]: checks }).filter((one) => ['minute', 'morningChecks'].includes(nameOf(one))),
    );
    if (ended === undefined || stuck === undefined) throw new Error('two accounts are declared');
    const [taskQueue, nobodys] = ['guardian', 'without-a-worker'];
    const soon = [...ended, calendarSchedule(1)];
    const client = new Client({ connection: first, namespace: OWN_NAMESPACE });
    await ensureSchedules(client, soon, taskQueue);
    await ensureSchedules(client, stuck, nobodys);
    // One that is at work when the server goes, and still is when it is back.
    await client.schedule.getHandle('reconcile:stuck:minute').trigger(ScheduleOverlapPolicy.SKIP);
    await eventually(async () => {
      expect((await client.schedule.getHandle('reconcile:stuck:minute').describe()).info.numActionsTaken).toBe(1);
    }, 60_000);
    const before = await Promise.all(soon.map(({ id }) => client.schedule.getHandle(id).describe()));
    await server.leave();
    await first.close();
    // Only the clock can bring them due.
    expect(Date.now()).toBeLessThan(away);
    expect(before.map(({ info }) => info.numActionsTaken)).toEqual([0, 0, 0]);
    // The minute's have up to five seconds of jitter; by then those of the minutes before are more than a minute old.
    await wait(back + 7_000 - Date.now());
    await server.comeBack();

    const connection = await NativeConnection.connect({ address: server.address });
    const again = new Client({ connection, namespace: OWN_NAMESPACE });
    const workflowsPath = fileURLToPath(new URL('../../test/support/fixtures/over-at-once.ts', import.meta.url));
    const worker = await Worker.create({ connection, namespace: OWN_NAMESPACE, taskQueue, workflowsPath });
    try {
      await worker.runUntil(async () => {
        const infoOf = async (id: string) => {
          const { info } = await again.schedule.getHandle(id).describe();
          const taken = info.recentActions.map(({ scheduledAt, takenAt }) => ({
            minute: Math.floor((scheduledAt.getTime() - away) / MINUTE),
            lateMs: takenAt.getTime() - scheduledAt.getTime(),
          }));
          return { id, taken, missed: info.numActionsMissedCatchupWindow, skipped: info.numActionsSkippedOverlap };
        };
        const afterwards = (id: string, isOver: (info: Awaited<ReturnType<typeof infoOf>>) => boolean) =>
          eventually(async () => {
            const info = await infoOf(id);
            expect({ info, isOver: isOver(info) }).toMatchObject({ isOver: true });
            return info;
          }, 120_000);
        // Of three that were due each minute the last, which is not older than its window; those before are counted as missed.
        for (const id of ['reconcile:main:minute', 'calendar:*']) {
          const { taken, missed } = await afterwards(id, (info) => info.taken.length > 0);
          expect({ id, ofOutage: taken.filter(({ minute }) => minute <= 2).map(({ minute }) => minute) }).toEqual({ id, ofOutage: [2] });
          expect(Math.max(...taken.map(({ lateMs }) => lateMs))).toBeLessThanOrEqual(MINUTE);
          expect(missed).toBeGreaterThanOrEqual(2);
        }
        // Of a day, however late within its window: once.
        for (const id of ['morningChecks:main', 'morningChecks:stuck']) {
          const { taken, missed } = await afterwards(id, (info) => info.taken.length > 0);
          expect({ id, missed, minutes: taken.map(({ minute }) => minute) }).toEqual({ id, missed: 0, minutes: [0] });
          expect(taken[0]?.lateMs).toBeGreaterThan(2 * MINUTE);
        }
        // Where one is still at work nothing waits behind it.
        const { taken } = await afterwards('reconcile:stuck:minute', ({ skipped }) => skipped > 0);
        expect(taken).toHaveLength(1);
        const runs = [];
        for await (const { workflowId } of again.workflow.list()) if (workflowId.startsWith('reconcile:stuck')) runs.push(workflowId);
        expect(runs).toHaveLength(1);
      });
    } finally {
      await connection.close();
      await server.close();
    }
  });
});
