import { join } from 'node:path';
import pg from 'pg';
import { databaseUrl, environmentName, packageVersion, withoutCredentials } from '../../config/index.js';
import { KeelsonError } from '../../core/errors.js';
import { checkDurability, databaseIdentity } from '../../db/durability.js';
import { migrate } from '../../db/migrate.js';
import { lastEvents, type LastEvents } from '../../db/last-events.js';
import { orderStart } from '../../db/start-order.js';
import { ensureFirstPeople, retirePeople } from '../../db/first-people.js';
import { DEMO_PEOPLE, firstPeople } from '../home/people.js';
import type { ReadyEvent } from '../screen/events.js';
import { startPostgres, type PostgresServer } from '../postgres/server.js';
import { serverChild } from '../supervise/server-child.js';
import { choosePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

const CONNECT_LIMIT_MS = 10_000;

export interface Database {
  /** With its password: given to children, never shown. */
  readonly url: string;
  /** The owner's API key. */
  readonly key: string;
  /** Whose keys are in the home. */
  readonly people: ReadyEvent['people'];
  /** What earlier starts left in the audit. */
  readonly last: LastEvents;
}

/** A database that answers, as it is. */
export interface StartedDatabase {
  readonly url: string;
  /** Where the embedded server keeps its data; undefined: it is the user's own database. */
  readonly dataDir: string | undefined;
}

/** Starts the embedded Postgres, or takes the one of DATABASE_URL. Nothing is changed in it. */
export async function startDatabase(context: LaunchContext): Promise<StartedDatabase> {
  const given = databaseUrl(context.env);
  return given === undefined ? startEmbedded(context) : { url: given, dataDir: undefined };
}

/** Brings the database up to date and checks that it keeps promises. */
export async function prepareDatabase(context: LaunchContext, { url, dataDir }: StartedDatabase): Promise<Database> {
  return context.steps.run('database', 'Preparing the database', async () => {
    const applied = await prepare(url, context.startId);
    const environment = environmentName(context.env);
    const people = firstPeople(context.paths, environment);
    await ensureFirstPeople(url, people);
    if (environment !== 'development')
      await retirePeople(
        url,
        DEMO_PEOPLE.map(({ person }) => person),
      );
    const where = dataDir === undefined ? `Database at ${withoutCredentials(url)}` : 'Database';
    const done = applied === 0 ? `${where} is up to date` : `${where}: ${applied} migration${applied === 1 ? '' : 's'} applied`;
    return {
      done,
      result: { url, key: people[0].key, people: people.map(({ person, roles }) => ({ person, roles })), last: await lastEvents(url) },
    };
  });
}

/** @throws KeelsonError CONFIG_DATABASE when nothing answers there, or it refuses us. */
export async function assertReachable(url: string): Promise<void> {
  await withClient(url, (client) => client.query('select 1'));
}

async function startEmbedded(context: LaunchContext): Promise<StartedDatabase> {
  const { paths, steps, supervisor } = context;
  const port = await choosePort(context, 'Postgres', 0);
  let first: string | undefined;
  /** A restart over an emptied folder makes a new, empty database: orders and halts would be forgotten in silence. */
  const assertSame = async (server: PostgresServer): Promise<PostgresServer> => {
    const { systemIdentifier } = await withClient(server.url, databaseIdentity);
    first ??= systemIdentifier;
    if (systemIdentifier === first) return server;
    await server.stop();
    const detail = `its data folder ${server.dataDir} was emptied or replaced while it ran`;
    throw new KeelsonError('CONFIG_DATABASE', { address: `127.0.0.1:${port}`, detail });
  };
  return steps.run('postgres', 'Starting Postgres', async (progress) => {
    const said = await supervisor.start(
      serverChild({
        name: 'postgres',
        log: join(paths.logs, 'postgres.log'),
        stopLimitMs: 6000,
        start: async (onLog) => assertSame(await startPostgres({ home: paths.postgres, port, onLog, report: progress })),
        said: ({ url, version, dataDir }) => ({ url, version, dataDir }),
      }),
    );
    const result = { url: String(said['url']), dataDir: String(said['dataDir']) };
    return { done: `Postgres ${String(said['version']).split('-')[0]} answers on port ${port}`, result };
  });
}

/** @returns how many migrations were applied. @throws KeelsonError CONFIG_DATABASE, CONFIG_DURABILITY, CONFIG_MIGRATION_EDITED */
const prepare = (url: string, start: string): Promise<number> =>
  withClient(url, async (client) => {
    const applied = await migrate(client);
    await checkDurability(client);
    // Before anything of this start runs: what is left of an older one is older from now on.
    await orderStart(client, { start, build: packageVersion() });
    return applied.length;
  });

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_LIMIT_MS });
  // A connection that breaks later is told by the call that uses it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    const problems = cause instanceof AggregateError ? (cause.errors as Error[]) : [cause as Error];
    const detail = problems.map(({ message }) => message).join('; ');
    throw new KeelsonError('CONFIG_DATABASE', { address: withoutCredentials(url), detail }, { cause });
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
