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

export interface PostgresProvider {
  get(): Promise<PostgresOffer>;
  stop(): Promise<void>;
}

const TEMPLATE = 'keelson_template';
/** Nothing in it outlives the run. */
const FAST = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };

/** The Postgres of a test run, started by the first `get`. It gives up durability for speed. */
export function providePostgres(): PostgresProvider {
  let started: Promise<{ offer: PostgresOffer; server: PostgresServer; home: string }> | undefined;
  return {
    get: async () => (await (started ??= start())).offer,
    stop: async () => {
      const running = await started?.catch(() => undefined);
      if (running === undefined) return;
      await running.server.stop();
      await rm(running.home, { recursive: true, force: true });
    },
  };
}

async function start(): Promise<{ offer: PostgresOffer; server: PostgresServer; home: string }> {
  const home = await mkdtemp(join(tmpdir(), 'keelson-test-postgres-'));
  // As root the server runs under another account, which has to get to its data.
  await chmod(home, 0o711);
  let server: PostgresServer | undefined;
  try {
    server = await startPostgres({ home, port: await freePort(), settings: FAST });
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
