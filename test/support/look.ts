import type { Pool } from 'pg';
import type { Finding, Look } from '../../core/kill/verify.js';

/** A look that a kill would make of an account now: a millisecond later it is after all that was called and decided. */
export async function lookAt(pool: Pool, account: string): Promise<Look> {
  await pool.query('select pg_sleep(0.002)');
  const { rows } = await pool.query<{ time: string; under: string[] }>(
    `select epoch_ms(clock_timestamp()) as time, array(select latch_id || ':' || policy from latches l
       where released_at is null and $1 in (select accounts_under(l.scope, l.scope_value, l.account))) as under`,
    [account],
  );
  const { time = '0', under = [] } = rows[0] ?? {};
  return { time: Number(time), under };
}

/** … that finds all as it should be. */
export async function clearLook(pool: Pool, account: string): Promise<Finding> {
  return { unverified: [], dust: [], kept: [], look: await lookAt(pool, account) };
}
