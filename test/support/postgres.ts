import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { askForServer } from './ask.js';
import type { PostgresOffer } from './postgres-server.js';

/** A database of one test file's own, with all migrations applied. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Closes the pool and removes the database, also when something else still holds connections to it. */
  drop(): Promise<void>;
}

/** Clones the migrated template (about 20 ms). For `*.int.test.ts`: make one in beforeAll, drop it in afterAll. */
export async function testDatabase(): Promise<TestDatabase> {
  const offer = await askForServer<PostgresOffer>('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asOwner(offer.url, `create database ${name} template ${offer.template}`);
  const address = new URL(offer.url);
  address.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: address.href });
  // A test that restarts or drops the database breaks idle connections on purpose.
  pool.on('error', () => {});
  return {
    url: address.href,
    pool,
    drop: async () => {
      await pool.end();
      await asOwner(offer.url, `drop database if exists ${name} with (force)`);
    },
  };
}

async function asOwner(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // One clone at a time: Postgres refuses a template that another clone has open.
    await client.query("select pg_advisory_lock(hashtext('keelson test clones'))");
    await client.query(statement);
  } finally {
    await client.end();
  }
}
