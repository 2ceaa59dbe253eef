import type pg from 'pg';
import { KeelsonError } from '../core/errors.js';

/** Which database this is: a restore or a promoted standby changes the timeline, another server the identifier. */
export interface DatabaseIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
}

const MUST_BE_ON = ['synchronous_commit', 'fsync', 'full_page_writes'] as const;
/** Stronger than `on`, or the same on a server without standbys. `local` and `off` promise less. */
const SAFE_COMMIT = ['on', 'remote_apply'];

/**
 * Refuses a server that may lose a row it has acknowledged: an intent row that vanishes in a crash would let an
 * order be sent twice.
 *
 * @throws KeelsonError CONFIG_DURABILITY naming the first setting that is not safe
 */
export async function checkDurability(pool: Pick<pg.Pool, 'query'>): Promise<void> {
  const found = await pool.query<{ name: string; setting: string }>('select name, setting from pg_settings where name = any($1)', [
    [...MUST_BE_ON],
  ]);
  const settings = new Map(found.rows.map(({ name, setting }) => [name, setting]));
  for (const setting of MUST_BE_ON) {
    const value = settings.get(setting) ?? 'unknown';
    const safe = setting === 'synchronous_commit' ? SAFE_COMMIT : ['on'];
    if (!safe.includes(value)) throw new KeelsonError('CONFIG_DURABILITY', { setting, value, needed: `${setting} = on` });
  }
}

export async function databaseIdentity(pool: Pick<pg.Pool, 'query'>): Promise<DatabaseIdentity> {
  const found = await pool.query<{ system_identifier: string; timeline_id: number }>(
    `select system_identifier::text, timeline_id from pg_control_system(), pg_control_checkpoint()`,
  );
  const row = found.rows[0];
  if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'it did not say which system it is' });
  return { systemIdentifier: row.system_identifier, timeline: row.timeline_id };
}
