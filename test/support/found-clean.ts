import type pg from 'pg';

/** As if a reconciliation had found the account clean a moment ago. */
export async function foundClean(pool: pg.Pool, account: string): Promise<void> {
  await pool.query(
    `insert into reconciliations (account, last_clean_at, last_compared_at) values ($1, clock_timestamp(), clock_timestamp())
       on conflict (account) do update set last_clean_at = clock_timestamp(), last_compared_at = clock_timestamp()`,
    [account],
  );
}
