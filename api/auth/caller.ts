import { createHash, timingSafeEqual } from 'node:crypto';
import { KeelsonError } from '../../core/errors.js';
import type { Database } from '../read/database.js';
import { isAllowed, type Role } from './roles.js';

/** Who calls: the person to whom the key belongs. */
export interface Caller {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
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
  const { rows } = await database.query<Caller & { key_sha256: Buffer }>(
    `select p.subject, p.name, p.roles, k.key_sha256
       from api_keys k join people p using (subject)
      where k.key_sha256 = $1 and k.revoked_at is null`,
    [hash],
  );
  const [row] = rows;
  if (row === undefined || !timingSafeEqual(row.key_sha256, hash)) return undefined;
  return { subject: row.subject, name: row.name, roles: row.roles };
}

/** @throws KeelsonError AUTH_FORBIDDEN */
export function assertRole(caller: Caller, allowed: readonly Role[]): void {
  if (!isAllowed(caller.roles, allowed)) throw new KeelsonError('AUTH_FORBIDDEN', { subject: caller.subject, roles: allowed.join(', ') });
}
