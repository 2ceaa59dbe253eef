import { z } from 'zod';
import { ALERT_SEVERITIES, type AlertSeverity } from '../../core/alerts/severity.js';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const alertSchema = z.strictObject({
  alertId: z.string(),
  account: z.string().nullable(),
  severity: z.enum(ALERT_SEVERITIES),
  kind: z.string().describe('What it is about; the guide on alerts says more.'),
  summary: z.string(),
  raisedTime: time,
  lastRaisedTime: time,
  times: z.int().describe('How often the same cause raised it.'),
  rounds: z.int().describe('How often people were told.'),
  level: z.int().describe('How far up it went: 0 is the first of each list of recipients.'),
  acknowledgedTime: time.nullable(),
  acknowledgedBy: z.string().nullable(),
  deliveries: z
    .array(z.strictObject({ channel: z.string(), delivered: z.int(), waiting: z.int(), failed: z.int(), detail: z.string().nullable() }))
    .describe('By channel: what arrived, what is still tried, what was given up, and why the last try failed.'),
});
export type Alert = z.output<typeof alertSchema>;

interface Row {
  alert_id: string;
  account: string | null;
  severity: AlertSeverity;
  kind: string;
  summary: string;
  raised_ms: string;
  last_ms: string;
  times: number;
  rounds: number;
  level: number;
  acknowledged_ms: string | null;
  acknowledged_by: string | null;
  deliveries: Alert['deliveries'];
}

/**
 * What is over calls nobody: a run that does not wait any more, by whatever it went on or ended, a part of one that the database takes again, a
 * schedule that was resumed, an incident that is closed once that was told. What is critical somebody looks at all the same.
 */
const IS_OVER = `(a.severity <> 'critical' and case
  when a.kind = 'runbook.waits' then exists (select from runbook_runs r
    where r.run_id::text = split_part(a.alert_key, ':', 2) and r.status not in ('waitingForPerson', 'paused'))
  when a.next_at is not null then false
  when a.kind in ('schedule.paused', 'runbook.heldUp') then true
  else a.alert_key like 'incident:%'
    and coalesce((select bool_and(i.closed_at is not null) from incidents i where i.incident_key = substr(a.alert_key, 10)), false)
    and coalesce((select bool_or(d.delivered_at is not null) and not bool_or(d.next_at is not null) from alert_deliveries d
      where d.alert_id = a.alert_id), false) end)`;

/** Alerts, newest first; those that wait for somebody, or all. */
export async function readAlerts(
  database: Database,
  filter: { readonly account?: string | undefined; readonly all: boolean; readonly limit: number },
): Promise<Alert[]> {
  const { rows } = await database.query<Row>(
    `select a.alert_id::text, a.account, a.severity, a.kind, a.summary, a.times, a.rounds, a.level, a.acknowledged_by,
            ${epochMs('a.raised_at')} as raised_ms, ${epochMs('a.last_raised_at')} as last_ms, ${epochMs('a.acknowledged_at')} as acknowledged_ms,
            coalesce((select jsonb_agg(jsonb_build_object('channel', d.channel, 'delivered', d.delivered, 'waiting', d.waiting,
                'failed', d.failed, 'detail', d.detail) order by d.channel)
              from (select channel, count(*) filter (where delivered_at is not null) as delivered,
                  count(*) filter (where delivered_at is null and next_at is not null) as waiting,
                  count(*) filter (where delivered_at is null and next_at is null) as failed,
                  max(detail) filter (where delivered_at is null) as detail
                from alert_deliveries where alert_id = a.alert_id group by channel) d), '[]') as deliveries
       from alerts a where ($1::text is null or a.account = $1) and ($2 or (a.acknowledged_at is null and a.severity <> 'info' and not ${IS_OVER}))
      order by a.alert_id desc limit $3`,
    [filter.account ?? null, filter.all, filter.limit],
  );
  return rows.map((row) => ({
    alertId: row.alert_id,
    account: row.account,
    severity: row.severity,
    kind: row.kind,
    summary: row.summary,
    raisedTime: Number(row.raised_ms),
    lastRaisedTime: Number(row.last_ms),
    times: row.times,
    rounds: row.rounds,
    level: row.level,
    acknowledgedTime: wholeOrNull(row.acknowledged_ms),
    acknowledgedBy: row.acknowledged_by,
    deliveries: row.deliveries,
  }));
}
