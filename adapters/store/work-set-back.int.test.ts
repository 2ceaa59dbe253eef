import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxStore } from '../../activities/ports/outbox.js';
import type { AlertStore } from '../../activities/ports/alerts.js';
import { nextRound, retryAfterMs } from '../../core/alerts/round.js';
import { ALERT_SEVERITIES } from '../../core/alerts/severity.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createAlertStore } from './alert-store.js';
import { createOutboxStore } from './outbox-store.js';
import { openPool } from './pool.js';

/** What a clock that was three hours ahead has left. */
const AHEAD = `clock_timestamp() + interval '3 hours'`;
const FREE = [{ recipient: 0, critical: 5, other: 5, toldLast: [] }];

describe('work that was to be done at a time to come, once the database’s clock was set back', () => {
  let database: TestDatabase;
  let pool: ReturnType<typeof openPool>;
  let alerts: AlertStore;
  let outbox: OutboxStore;

  const query = (text: string) => pool.query(text);

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    alerts = createAlertStore(pool, database.url);
    outbox = createOutboxStore(pool, database.url, 1);
    await query(`insert into accounts (account, venue) values ('main', 'paper')`);
  });
  beforeEach(() => query('delete from outbox; delete from alert_deliveries; delete from alerts'));
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  it('nobody waits for who has claimed a row of the outbox and died, and a claim that goes on is kept', async () => {
    await query(`insert into outbox (kind, data) values ('runbookAsked', '{}')`);
    const claim = async () => (await outbox.claim(['runbookAsked'], 10, 5_000)).length;
    expect([await claim(), await claim()]).toEqual([1, 0]);
    await query(`update outbox set claimed_until = ${AHEAD}`);
    expect([await claim(), await claim()]).toEqual([1, 0]);
    await query(`update outbox set claimed_until = clock_timestamp() + interval '59 seconds'`);
    expect(await claim()).toBe(0);
  });

  const raise = (severity: string) =>
    query(
      `insert into alerts (alert_key, account, severity, kind, summary) values ('${severity}', 'main', '${severity}', 'test', 'a test')`,
    );

  it.each(ALERT_SEVERITIES)(
    'an alert (%s) waits for its first round at no time, and for the next as long as any, and no longer',
    async (severity) => {
      await raise(severity);
      await query(`update alerts set next_at = clock_timestamp() + interval '3 seconds'`);
      const due = async () => (await alerts.due(10)).length;
      expect(await due()).toBe(1);
      await query('update alerts set rounds = 1');
      expect(await due()).toBe(0);
      const waits = nextRound(severity, 1, {}).nextInMs;
      if (waits === null) return;
      await query(`update alerts set next_at = clock_timestamp() + interval '${waits} milliseconds' - interval '1 second'`);
      expect(await due()).toBe(0);
      await query(`update alerts set next_at = ${AHEAD} + interval '${waits} milliseconds'`);
      const [again] = await alerts.due(10);
      expect(again).toMatchObject({ severity });
      if (again === undefined) return;
      await alerts.beginRound(again, nextRound(severity, again.rounds, {}));
      expect(await due()).toBe(0);
    },
  );

  it('a delivery that has failed, or whose sender has died, is tried again as soon as any, and no sooner', async () => {
    await raise('critical');
    await query(`insert into alert_deliveries (alert_id, round, channel, recipient) select alert_id, 0, 'sms', 0 from alerts`);
    await query(`update alert_deliveries set next_at = clock_timestamp() + interval '3 seconds'`);
    const claimed = async (forMs = 30_000) => (await alerts.claim('sms', FREE, forMs)).length;
    expect([await claimed(), await claimed()]).toEqual([1, 0]);
    await query(`update alert_deliveries set next_at = ${AHEAD}`);
    expect([await claimed(), await claimed()]).toEqual([1, 0]);
    const longest = Math.max(...Array.from({ length: 20 }, (_, attempts) => retryAfterMs(attempts + 1) ?? 0));
    await query(`update alert_deliveries set next_at = clock_timestamp() + interval '${longest} milliseconds' - interval '1 second'`);
    expect(await claimed()).toBe(0);
    // A claim may be for longer than that.
    await query(`update alert_deliveries set next_at = clock_timestamp() + interval '9 minutes'`);
    expect(await claimed(600_000)).toBe(0);
    expect(await claimed()).toBe(1);
  });
});
