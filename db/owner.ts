import { createHash } from 'node:crypto';
import pg from 'pg';

/** The person that the first start makes, with every role: whoever can read the owner's key file is this person. */
export const OWNER_SUBJECT = 'owner';
const OWNER_ROLES = ['admin'];

/**
 * Makes the owner and the row of the owner's API key; only its SHA-256 is stored. Repeating it changes nothing; a new
 * key is added beside the old ones.
 * @param url Postgres connection string, after the migrations.
 */
export async function ensureOwner(url: string, key: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('insert into people (subject, name, roles) values ($1, $2, $3) on conflict (subject) do nothing', [
      OWNER_SUBJECT,
      'Owner of this machine',
      OWNER_ROLES,
    ]);
    await client.query('insert into api_keys (subject, key_sha256, label) values ($1, $2, $3) on conflict (key_sha256) do nothing', [
      OWNER_SUBJECT,
      createHash('sha256').update(key).digest(),
      'made at the first start',
    ]);
  } finally {
    await client.end();
  }
}
