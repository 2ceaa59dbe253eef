import pg from 'pg';

/** What the audit said last before a start. */
export interface LastEvents {
  /** The last event of all, 0 when there is none: where a feed begins that shows only what happens from now on. */
  readonly id: string;
  /** Of each account, the last change of its mode: why it is what it is. */
  readonly modeChanges: readonly {
    readonly id: string;
    /** Epoch ms. */
    readonly time: number;
    readonly account: string;
    readonly subject: string | null;
    readonly data: Readonly<Record<string, unknown>>;
  }[];
}

/** @param url Postgres connection string, after the migrations. */
export async function lastEvents(url: string): Promise<LastEvents> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const last = await client.query<{ id: string }>('select coalesce(max(event_id), 0)::text as id from audit_events');
    const modes = await client.query<Omit<LastEvents['modeChanges'][number], 'time'> & { time_ms: string }>(
      `select distinct on (account) event_id::text as id, floor(extract(epoch from occurred_at) * 1000)::text as time_ms,
              account, subject, data
         from audit_events where kind = 'mode.changed' and account is not null order by account, event_id desc`,
    );
    return {
      id: last.rows[0]?.id ?? '0',
      modeChanges: modes.rows.map(({ time_ms, ...change }) => ({ ...change, time: Number(time_ms) })),
    };
  } finally {
    await client.end();
  }
}
