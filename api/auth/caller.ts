import { createHash, timingSafeEqual } from 'node:crypto';
import { KeelsonError } from '../../core/errors.js';
import { ACTIONS, mayDo, type Action } from '../../core/people/actions.js';
import type { Database } from '../read/database.js';

/** Who calls: the person to whom the key belongs. */
export interface Caller {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** The key that was shown: what is written in this person's name refers to it. */
  readonly keyId: string;
}

/** The key of an `Authorization: Bearer …` header. @throws KeelsonError AUTH_MISSING */
export function bearerOf(header: string | undefined): string {
  const key = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
  if (key === undefined) throw new KeelsonError('AUTH_MISSING');
  return key;
}

export function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * The person a key belongs to. Asked of the database each time, so that a revoked key and a lost role count from the next call.
 * Only the hash is looked up and compared, in constant time: the index's own comparison tells nothing of the key itself.
 */
export async function findCaller(database: Database, key: string): Promise<Caller | undefined> {
  const hash = hashOf(key);
  const { rows } = await database.query<Omit<Caller, 'keyId'> & { key_id: string; key_sha256: Buffer; use_is_news: boolean }>(
    `select p.subject, p.name, p.roles, k.key_id, k.key_sha256,
            coalesce(k.last_used_at < clock_timestamp() - interval '1 minute', true) as use_is_news
       from api_keys k join people p using (subject)
      where k.key_sha256 = $1 and k.revoked_at is null and p.deactivated_at is null`,
    [hash],
  );
  const [row] = rows;
  if (row === undefined || !timingSafeEqual(row.key_sha256, hash)) return undefined;
  // To the minute is enough to find a forgotten key, and a reader that asks each second costs no writes.
  if (row.use_is_news) await database.query('update api_keys set last_used_at = clock_timestamp() where key_id = $1', [row.key_id]);
  return { subject: row.subject, name: row.name, roles: row.roles, keyId: row.key_id };
}

/** @throws KeelsonError AUTH_FORBIDDEN */
export function assertMay(caller: Caller, action: Action): void {
  if (!mayDo(caller.roles, action))
    throw new KeelsonError('AUTH_FORBIDDEN', { subject: caller.subject, roles: ACTIONS[action].join(', ') });
}
