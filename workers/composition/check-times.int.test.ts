import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { temporalIfAny } from '../../test/support/temporal.js';
import { declaredSchedules, ensureSchedules, type CheckTimes } from './schedules.js';

const temporal = await temporalIfAny();
vi.setConfig({ testTimeout: 120_000 });

const USUAL = { morning: '08:00', evening: '18:30' };
type Due = Readonly<Record<'morningChecks' | 'eveningChecks', readonly string[]>>;

describe.skipIf(temporal === undefined)('the checks of a day, where clocks are put forward or back', () => {
  const { address = '', namespace = '' } = temporal ?? {};
  let connection: Connection;
  let client: Client;

  beforeAll(async () => {
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
  });
  afterAll(() => connection?.close());

  /** When the server starts those of accounts, each with times of its own, from noon (UTC) of a day to that of another; in UTC. */
  const due = async (times: readonly CheckTimes[], from: string, to: string): Promise<readonly Due[]> => {
    const accounts = times.map((one) => [`a${randomUUID().slice(0, 8)}`, one] as const);
    const daily = declaredSchedules(Object.fromEntries(accounts)).filter(({ id }) => id.includes('Checks'));
    const of = async (scheduleId: string): Promise<readonly string[]> => {
      const [startTime, endTime] = [from, to].map((day) => msToTs(Date.parse(`${day}T12:00:00Z`)));
      if (startTime === undefined || endTime === undefined) throw new Error('two days are given');
      const found = await client.workflowService.listScheduleMatchingTimes({ namespace, scheduleId, startTime, endTime });
      return found.startTime.map((time) => new Date(tsToMs(time)).toISOString().slice(0, 16));
    };
    try {
      await ensureSchedules(client, daily, `times-${randomUUID()}`);
      return await Promise.all(
        accounts.map(async ([account]) => ({
          morningChecks: await of(`morningChecks:${account}`),
          eveningChecks: await of(`eveningChecks:${account}`),
        })),
      );
    } finally {
      await Promise.all(daily.map(({ id }) => client.schedule.getHandle(id).delete()));
    }
  };

  it('in autumn, when an hour comes twice, are due once a day at the same time of the zone', async () => {
    expect(await due([{ timeZone: 'Europe/Madrid', ...USUAL }], '2026-10-23', '2026-10-27')).toEqual([
      {
        morningChecks: ['2026-10-24T06:00', '2026-10-25T07:00', '2026-10-26T07:00', '2026-10-27T07:00'],
        eveningChecks: ['2026-10-23T16:30', '2026-10-24T16:30', '2026-10-25T17:30', '2026-10-26T17:30'],
      },
    ]);
  });

  it('in spring, when an hour is left out, too', async () => {
    expect(await due([{ timeZone: 'Europe/Madrid', ...USUAL }], '2027-03-26', '2027-03-30')).toEqual([
      {
        morningChecks: ['2027-03-27T07:00', '2027-03-28T06:00', '2027-03-29T06:00', '2027-03-30T06:00'],
        eveningChecks: ['2027-03-26T17:30', '2027-03-27T17:30', '2027-03-28T16:30', '2027-03-29T16:30'],
      },
    ]);
  });

  it('are each account’s own: another zone changes its clocks on another day, or never', async () => {
    const [newYork, tokyo] = await due(
      [
        { timeZone: 'America/New_York', ...USUAL },
        { timeZone: 'Asia/Tokyo', morning: '08:45', evening: '15:30' },
      ],
      ...(['2026-10-30', '2026-11-02'] as const),
    );
    expect(newYork).toEqual({
      morningChecks: ['2026-10-31T12:00', '2026-11-01T13:00'],
      eveningChecks: ['2026-10-30T22:30', '2026-10-31T22:30', '2026-11-01T23:30'],
    });
    expect(tokyo).toEqual({
      morningChecks: ['2026-10-30T23:45', '2026-10-31T23:45', '2026-11-01T23:45'],
      eveningChecks: ['2026-10-31T06:30', '2026-11-01T06:30', '2026-11-02T06:30'],
    });
  });

  it('in the very hour of the change are as the guide says: not due on the day that has no such time, and due twice where the server takes both', async () => {
    const night = { morning: '02:30', evening: '01:30' };
    const [spring] = await due([{ timeZone: 'Europe/Madrid', ...night }], '2027-03-26', '2027-03-29');
    expect(spring?.morningChecks).toEqual(['2027-03-27T01:30', '2027-03-29T00:30']);
    const [autumn] = await due([{ timeZone: 'America/New_York', ...night }], '2026-10-31', '2026-11-02');
    expect(autumn?.eveningChecks).toEqual(['2026-11-01T05:30', '2026-11-01T06:30', '2026-11-02T06:30']);
  });
});
