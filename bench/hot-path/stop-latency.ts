import pg from 'pg';
import { quantile } from './figures.js';

/**
 * From an entry's first fill, by the venue's clock, until its position's stop is known to rest, by the ledger's: both run on
 * this machine. Entries filled within the time, each with the first stop that was placed after it: one without a stop, or whose
 * stop never rested, counts as having waited without end.
 */
const STOPS = `
  with rested as (
    select data->>'intentId' as intent_id, min(occurred_at) as at from audit_events where kind = 'order.accepted' group by 1),
  entries as (
    select e.account, e.strategy, e.instrument, e.created_at, min(f.event_time) as filled
      from orders e join fills f using (intent_id) where e.purpose = 'entry' group by e.intent_id)
  select extract(epoch from r.at) * 1000 - e.filled as ms
    from entries e
    left join lateral (
      select intent_id from orders s where s.purpose = 'stop' and (s.account, s.strategy, s.instrument) = (e.account, e.strategy, e.instrument)
        and s.created_at > e.created_at order by s.created_at limit 1) s on true
    left join rested r on r.intent_id = s.intent_id
   where e.filled between $1 and $2`;

export async function stopLatency(databaseUrl: string, from: number, until: number): Promise<Record<string, number>> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const { rows } = await database.query<{ ms: string | null }>(STOPS, [from, until]);
    const durations = rows.map(({ ms }) => (ms === null ? Number.POSITIVE_INFINITY : Number(ms)));
    return {
      'singly.stopRests': durations.length,
      'singly.stopRests.p50Ms': quantile(durations, 0.5),
      'singly.stopRests.p99Ms': quantile(durations, 0.99),
    };
  } finally {
    await database.end();
  }
}
