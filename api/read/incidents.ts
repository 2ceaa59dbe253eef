import { z } from 'zod';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const incidentSchema = z.strictObject({
  incidentId: z.string(),
  account: z.string(),
  kind: z.string().describe('Which incident it is; the guide on incidents says what to do.'),
  data: z.record(z.string(), z.unknown()).describe('What was seen.'),
  openedTime: time,
  closedTime: time.nullable(),
});
export type Incident = z.output<typeof incidentSchema>;

/** Incidents, newest first; those that are open, or all. */
export async function readIncidents(
  database: Database,
  filter: { readonly account?: string | undefined; readonly all: boolean; readonly limit: number },
): Promise<Incident[]> {
  const { rows } = await database.query<{
    incident_id: string;
    account: string;
    kind: string;
    data: Record<string, unknown>;
    opened_ms: string;
    closed_ms: string | null;
  }>(
    `select incident_id::text, account, kind, data, ${epochMs('opened_at')} as opened_ms, ${epochMs('closed_at')} as closed_ms
       from incidents where ($1::text is null or account = $1) and ($2 or closed_at is null)
      order by incidents.incident_id desc limit $3`,
    [filter.account ?? null, filter.all, filter.limit],
  );
  return rows.map((row) => ({
    incidentId: row.incident_id,
    account: row.account,
    kind: row.kind,
    data: row.data,
    openedTime: Number(row.opened_ms),
    closedTime: wholeOrNull(row.closed_ms),
  }));
}
