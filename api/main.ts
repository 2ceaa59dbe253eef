import { randomUUID } from 'node:crypto';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { pino } from 'pino';
import { openHaltStore } from '../adapters/store/halt-store.js';
import { createLedgerStore } from '../adapters/store/ledger-store.js';
import { openPool } from '../adapters/store/pool.js';
import { KeelsonError } from '../core/errors.js';
import { configPath, databaseUrl, environmentName, loadConfig, logLevel, packageVersion, rootFolder } from '../config/index.js';
import { exitCodeOf, supervised } from '../workers/supervised.js';
import { temporalControl } from './control/temporal-control.js';
import { apiMetrics } from './metrics.js';
import { openDatabase, openLongReads } from './read/database.js';
import { buildServer } from './server.js';

const { env } = process;

/** Undone last first. */
const ends: (() => Promise<unknown>)[] = [];
const supervision = supervised({
  onStop: async () => {
    for (const end of ends.toReversed()) await end();
  },
});

/** The API process: configuration, connections, server. */
async function main(): Promise<void> {
  const config = loadConfig({ path: configPath(env, rootFolder()), env });
  const url = databaseUrl(env);
  if (url === undefined) {
    throw new KeelsonError('CONFIG_INVALID', {
      path: '(environment)',
      count: 1,
      problems: '  DATABASE_URL: is missing: expected the address of Postgres',
    });
  }
  const logger = pino({ level: logLevel(env), base: { process: 'api' } });
  const database = openDatabase(url, (error) => logger.warn({ err: error }, 'an idle database connection was lost'));
  ends.push(() => database.close());
  const urgent = openDatabase(url, (error) => logger.warn({ err: error }, 'an idle database connection was lost'), 3);
  ends.push(() => urgent.close());
  const longReads = openLongReads(url, (error) => logger.warn({ err: error }, 'an idle database connection was lost'));
  ends.push(() => longReads.close());

  const halts = openHaltStore(url);
  ends.push(() => halts.close());
  const books = openPool(url, { applicationName: 'keelson-api', max: 2 });
  ends.push(() => books.end());
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const control = temporalControl({ connection: connectionOptions, namespace });
  ends.push(() => control.close());

  const metrics = apiMetrics(database, { ofProcess: true });
  const server = buildServer(
    {
      config,
      environment: environmentName(env),
      version: packageVersion(),
      database,
      urgent,
      longReads,
      control,
      halts,
      ledger: createLedgerStore(books),
      metrics: metrics.registry,
      logger,
      now: Date.now,
      newId: randomUUID,
      temporal: { address: connectionOptions.address ?? '127.0.0.1:7233', namespace, ui: env['KEELSON_TEMPORAL_UI'] || null },
      furtherHosts: (env['KEELSON_API_HOSTS'] ?? '').split(',').flatMap((host) => host.trim().toLowerCase() || []),
    },
    metrics,
  );
  ends.push(() => server.close());
  const address = await server.listen({
    host: env['KEELSON_API_HOST'] || '127.0.0.1',
    port: Number(env['KEELSON_API_PORT'] || config.ports.api),
  });
  logger.info({ address }, 'the API listens');
  supervision.ready({ address });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(exitCodeOf(error));
});
