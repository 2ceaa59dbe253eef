import { randomBytes } from 'node:crypto';
import { hashOf } from '../auth/caller.js';

export interface NewKey {
  /** 256 bits; given to its person once and kept nowhere. */
  readonly key: string;
  /** SHA-256, hexadecimal: all that the database has. */
  readonly keyHash: string;
}

export function newKey(): NewKey {
  const key = `keelson_${randomBytes(32).toString('base64url')}`;
  return { key, keyHash: hashOf(key).toString('hex') };
}
