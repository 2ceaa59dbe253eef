import type { Pool } from 'pg';

/**
 * How many rows of a table a read takes up, those that it then leaves out included.
 * @param pool of one connection, which the read uses, too.
 */
export async function rowsRead<T>(
  pool: Pool,
  table: string,
  read: () => Promise<T>,
): Promise<{ readonly answer: T; readonly rows: number }> {
  const count = async (): Promise<number> => {
    const { rows } = await pool.query<{ count: string }>(
      'select seq_tup_read + idx_tup_fetch as count from pg_stat_xact_user_tables where relname = $1',
      [table],
    );
    return Number(rows[0]?.count);
  };
  // The counters are those of a transaction.
  await pool.query('begin');
  try {
    const before = await count();
    const answer = await read();
    return { answer, rows: (await count()) - before };
  } finally {
    await pool.query('rollback');
  }
}
