import { z } from 'zod';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const incidentSchema = z.strictObject({
  incidentId: z.string(),
  account: z.string(),
  kind: z.string().describe('Which incident it is; the guide on incidents says what to do.'),
  summary: z.string().describe('In a line: what was seen, of what, and why.'),
  data: z.record(z.string(), z.unknown()).describe('What was seen.'),
  openedTime: time,
  closedTime: time.nullable(),
});
export type Incident = z.output<typeof incidentSchema>;

/** Incidents, newest first; those that are open, or all; with `incidentId` only that one. */
export async function readIncidents(
  database: Database,
  filter: {
    readonly account?: string | undefined;
    readonly incidentId?: string | undefined;
    readonly all: boolean;
    readonly limit: number;
  },
): Promise<Incident[]> {
  const { rows } = await database.query<{
    incident_id: string;
    account: string;
    kind: string;
    summary: string;
    data: Record<string, unknown>;
    opened_ms: string;
    closed_ms: string | null;
  }>(
    `select incident_id::text, account, kind, data,
            case kind when 'halt' then 'a halt is verified at the venue; halted: ' || coalesce(latches_text(data), 'no more')
              when 'haltNotVerified' then 'a halt was not verified: '
                || coalesce((select string_agg(one, '; ') from jsonb_array_elements_text(data->'text') one), 'nothing was seen')
              else incident_words(kind) || coalesce(': ' || nullif(incident_facts(account, data), ''), '') end as summary,
            ${epochMs('opened_at')} as opened_ms, ${epochMs('closed_at')} as closed_ms
       from incidents where ($1::text is null or account = $1) and ($2 or closed_at is null) and ($4::bigint is null or incident_id = $4)
      order by incidents.incident_id desc limit $3`,
    [filter.account ?? null, filter.all, filter.limit, filter.incidentId ?? null],
  );
  return rows.map((row) => ({
    incidentId: row.incident_id,
    account: row.account,
    kind: row.kind,
    summary: row.summary,
    data: row.data,
    openedTime: Number(row.opened_ms),
    closedTime: wholeOrNull(row.closed_ms),
  }));
}
