import type pg from 'pg';

/** As if a reconciliation had found the account clean a moment ago. */
export async function foundClean(pool: pg.Pool, account: string): Promise<void> {
  await pool.query(
    `insert into reconciliations (account, last_clean_at, last_compared_at) select $1, now, now from clock_timestamp() now
       on conflict (account) do update set last_clean_at = excluded.last_clean_at, last_compared_at = excluded.last_compared_at`,
    [account],
  );
  // One that is clean has ended all that stood.
  await pool.query(
    `update reconciliation_differences set status = 'settled', ended_at = clock_timestamp() where account = $1 and status in ('pending', 'open')`,
    [account],
  );
}
