import type { z } from 'zod';
import { epochMs, money, whole, type Database } from './database.js';
import type { eventSchema, snapshotSchema } from './schemas.js';

export type EventRow = z.output<typeof eventSchema>;
export type SnapshotRow = z.output<typeof snapshotSchema>;

/**
 * Audit events after an id, oldest first; with `latest` the last ones where there are more than the limit. Ids are given out before their transactions commit, so an event may appear below one
 * that is already there. A reader that remembers the last id would miss it; therefore nothing is shown that is younger than the
 * oldest transaction still open. (After ten minutes none is: statements end after a second.)
 */
export async function readEvents(
  database: Database,
  filter: {
    readonly after: string;
    readonly account?: string | undefined;
    readonly kind?: string | undefined;
    readonly latest: boolean;
    readonly limit: number;
  },
): Promise<EventRow[]> {
  const { rows } = await database.query<Omit<EventRow, 'time'> & { time_ms: string }>(
    `select event_id::text as id, ${epochMs('occurred_at')} as time_ms, kind, account, subject, data
       from audit_events
      where event_id > $1::bigint and ($2::text is null or account = $2) and ($3::text is null or kind = $3)
        and (occurred_at < clock_timestamp() - interval '10 minutes'
             or age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid))
      order by event_id ${filter.latest ? 'desc' : 'asc'} limit $4`,
    [filter.after, filter.account ?? null, filter.kind ?? null, filter.limit],
  );
  const events = rows.map(({ time_ms, ...event }) => ({ ...event, time: whole(time_ms) }));
  return filter.latest ? events.toReversed() : events;
}

/** The kinds of the newest events: a look at all of a long audit would take too long. */
export async function readEventKinds(database: Database): Promise<string[]> {
  const { rows } = await database.query<{ kind: string }>(
    'select distinct kind from (select kind from audit_events order by event_id desc limit 10000) newest order by kind',
  );
  return rows.map(({ kind }) => kind);
}

/** Snapshots of equity, the latest `limit` of them, oldest first. */
export async function readEquity(
  database: Database,
  filter: { readonly account?: string | undefined; readonly since?: number | undefined; readonly limit: number },
): Promise<SnapshotRow[]> {
  const { rows } = await database.query<Omit<SnapshotRow, 'takenAt'> & { taken_ms: string }>(
    `select account, ${epochMs('taken_at')} as taken_ms, ${money('equity')} as equity, quote, balances, marks
       from account_snapshots
      where ($1::text is null or account = $1) and ($2::bigint is null or taken_at >= to_timestamp($2::bigint / 1000.0))
      order by taken_at desc limit $3`,
    [filter.account ?? null, filter.since ?? null, filter.limit],
  );
  return rows.map(({ taken_ms, ...snapshot }) => ({ ...snapshot, takenAt: whole(taken_ms) })).toReversed();
}
