import type { Pool } from 'pg';
import { run } from './pool.js';

const FIND = {
  name: 'key_holder',
  text: `select subject, key_id from api_keys join people using (subject)
    where key_sha256 = $1 and revoked_at is null and deactivated_at is null`,
};

/** The person whose key has this hash, as long as both count. @throws KeelsonError INFRA_DATABASE */
export async function findKeyHolder(pool: Pool, sha256: Buffer): Promise<{ readonly subject: string; readonly keyId: string } | undefined> {
  const rows = await run<{ subject: string; key_id: string }>(pool, FIND, [sha256]);
  const row = rows[0];
  return row === undefined ? undefined : { subject: row.subject, keyId: row.key_id };
}
