import type { Pool } from 'pg';

const EACH_MS = 1_000;
/** As far ahead as a clock may be: a database that a test stops for some seconds is no silent watch. */
const AT = `clock_timestamp() + interval '1900 milliseconds'`;
const BEAT = `insert into account_watch as had (account, quote, sampled_at, equity_at) values ($1, 'USDT', ${AT}, ${AT})
  on conflict (account) do update set version = had.version + 1, sampled_at = ${AT}, equity_at = ${AT}`;
const TELL = `select pg_notify('keelson_risk', 'watch ' || (read_watch($1) || jsonb_build_object('account', $1::text))::text)`;

/** Stands in for the account watch of a guardian, where a test has none: its heartbeat, told as the watch tells it. @returns stops. */
export async function beat(pool: Pool, account: string): Promise<() => Promise<void>> {
  const once = async (): Promise<void> => {
    await pool.query(BEAT, [account]);
    await pool.query(TELL, [account]);
  };
  await once();
  let current: Promise<void> = Promise.resolve();
  // A database that a test takes away or drops is none of the heartbeat's business.
  const timer = setInterval(() => void (current = once().catch(() => undefined)), EACH_MS);
  return async () => {
    clearInterval(timer);
    await current;
  };
}
