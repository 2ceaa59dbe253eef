import type pg from 'pg';

/** As if a reconciliation had found the account clean a moment ago. */
export async function foundClean(pool: pg.Pool, account: string): Promise<void> {
  await pool.query(
    `insert into reconciliations (account, last_clean_at, last_compared_at) select $1, now, now from clock_timestamp() now
       on conflict (account) do update set last_clean_at = excluded.last_clean_at, last_compared_at = excluded.last_compared_at`,
    [account],
  );
}
