import type { Pool } from 'pg';

/** So many orders of `main` with a fill each, as the first one is; what is derived from them stays as it was. */
export async function repeatFirst(pool: Pool, fills: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('set local statement_timeout = 0');
    await client.query('set local session_replication_role = replica');
    const copies = (table: string, but: string): string => {
      const copy = `to_jsonb(t) || jsonb_build_object(${but})`;
      return `insert into ${table} overriding system value
        select r.* from ${table} t cross join generate_series(2, ${fills}) n
          cross join lateral jsonb_populate_record(null::${table}, ${copy}) r where t.account = 'main'`;
    };
    const order = `'intent_id', 'main-' || n, 'client_order_id', 'main-' || n, 'venue_order_id', 'v' || n, 'ordinal', 1000 + n`;
    await client.query(copies('orders', order));
    const fill = `'intent_id', 'main-' || n, 'venue_order_id', 'v' || n, 'venue_trade_id', n::text, 'booking', 1000 + n`;
    await client.query(copies('fills', fill));
    const entry = `'intent_id', 'main-' || n, 'venue_trade_id', n::text, 'entry_id', t.entry_id * 1000000 + n`;
    await client.query(copies('ledger_entries', entry));
    await client.query('commit');
  } finally {
    client.release();
  }
  await pool.query('analyze');
}
