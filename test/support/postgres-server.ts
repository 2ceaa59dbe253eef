import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../db/migrate.js';
import { freePort } from './free-port.js';
import { type PostgresServer, startPostgres } from '../../launcher/postgres/server.js';

/** What the test files get: where the server is, and the database that has all migrations and is cloned. */
export interface PostgresOffer {
  readonly url: string;
  readonly template: string;
}

/** A database of one test file's own, with all migrations applied. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Closes the pool and removes the database, also when something else still holds connections to it. */
  drop(): Promise<void>;
}

export interface PostgresProvider {
  get(): Promise<PostgresOffer>;
  stop(): Promise<void>;
}

const TEMPLATE = 'keelson_template';
/** Nothing in it outlives the run; which of two transactions was first is told by their commits. */
const FAST = { fsync: 'off', full_page_writes: 'off', max_connections: '300', track_commit_timestamp: 'on' };

/** What workers insist on, for tests that run them as processes. */
export const DURABLE = { max_connections: '300' };

/** The Postgres of a test run, started by the first `get`. Unless told otherwise it gives up durability for speed. */
export function providePostgres(settings: Readonly<Record<string, string>> = FAST): PostgresProvider {
  let started: Promise<{ offer: PostgresOffer; server: PostgresServer; home: string }> | undefined;
  return {
    get: async () => (await (started ??= start(settings))).offer,
    stop: async () => {
      const running = await started?.catch(() => undefined);
      if (running === undefined) return;
      await running.server.stop();
      await rm(running.home, { recursive: true, force: true });
    },
  };
}

async function start(settings: Readonly<Record<string, string>>): Promise<{ offer: PostgresOffer; server: PostgresServer; home: string }> {
  const home = await mkdtemp(join(tmpdir(), 'keelson-test-postgres-'));
  // As root the server runs under another account, which has to get to its data.
  await chmod(home, 0o711);
  let server: PostgresServer | undefined;
  try {
    server = await startPostgres({ home, port: await freePort(), settings });
    await makeTemplate(server.url);
    return { offer: { url: server.url, template: TEMPLATE }, server, home };
  } catch (error) {
    await server?.stop();
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

async function makeTemplate(url: string): Promise<void> {
  const outside = new pg.Client({ connectionString: url });
  await outside.connect();
  await outside.query(`create database ${TEMPLATE}`);
  await outside.end();
  const address = new URL(url);
  address.pathname = `/${TEMPLATE}`;
  // Closed before the first clone: a template may have no connections.
  const inside = new pg.Client({ connectionString: address.href });
  await inside.connect();
  try {
    await migrate(inside);
  } finally {
    await inside.end();
  }
}

/** A clone of the migrated template (about 20 ms). */
export async function cloneDatabase(offer: PostgresOffer): Promise<TestDatabase> {
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
