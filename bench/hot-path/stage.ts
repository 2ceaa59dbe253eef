import { fork, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { loadConfig, rootFolder } from '../../config/index.js';
import { migrate } from '../../db/migrate.js';
import { startPostgres } from '../../launcher/postgres/server.js';
import { prepareNamespace } from '../../launcher/temporal/namespace.js';
import { resolveTemporal } from '../../launcher/temporal/resolve.js';
import { startTemporal } from '../../launcher/temporal/start.js';
import { INSTRUMENTS, type Pace } from './schedule.js';
import type { PaceMessage, VenueStamps, WorkerStamps } from './stamps.js';

const NAMESPACE = 'default';
const ACCOUNT = 'main';
const [KEY, SECRET] = ['bench-key', 'bench-secret'];
const STOP_LIMIT_MS = 15_000;

/** Everything that `npm start` runs but launcher and API, each in its own process, over real and durable servers. */
export interface Stage {
  readonly temporalAddress: string;
  readonly databaseUrl: string;
  /** Process ids by part, for CPU time. */
  readonly pids: Readonly<Record<'worker' | 'guardian' | 'temporal' | 'postgres' | 'venue', number>>;
  setPace(pace: Pace): void;
  close(): Promise<void>;
}

export async function openStage(seen: (stamps: VenueStamps | WorkerStamps) => void): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-bench-'));
  // As root Postgres runs under another account, which has to get to its data.
  await chmod(folder, 0o711);
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const postgres = await startPostgres({ home: join(folder, 'postgres'), port: await freePort() });
    closers.push(() => postgres.stop());
    await migrated(postgres.url);
    const temporal = await ownTemporal(join(folder, 'temporal.db'));
    closers.push(() => temporal.stop());
    const venue = await startChild('venue-process.js', [join(folder, 'journal.jsonl'), KEY, SECRET], {}, seen);
    closers.push(() => venue.stop());
    const configFile = join(folder, 'keelson.config.json');
    await writeFile(configFile, JSON.stringify(configuration()));
    const profile = join(folder, 'client.toml');
    await writeFile(profile, '[profile.default]\n');
    const env = {
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_CONFIG_FILE: profile,
      KEELSON_CONFIG: configFile,
      KEELSON_PAPER_REST: String(venue.said['rest']),
      KEELSON_PAPER_STREAM: String(venue.said['stream']),
      KEELSON_PAPER_WSAPI: String(venue.said['wsApi']),
      EXCHANGE_API_KEY: KEY,
      EXCHANGE_API_SECRET: SECRET,
      LOG_LEVEL: 'warn',
    };
    const guardian = await startChild('../../workers/guardian.js', [], env, () => undefined);
    closers.push(() => guardian.stop());
    const worker = await startChild('worker-process.js', [], env, seen);
    closers.push(() => worker.stop());
    return {
      temporalAddress: temporal.address,
      databaseUrl: postgres.url,
      pids: { worker: worker.pid, guardian: guardian.pid, temporal: temporal.pid, postgres: postgres.pid, venue: venue.pid },
      setPace(pace) {
        const message: PaceMessage = { type: 'pace', pace };
        for (const { child } of [venue, worker]) child.send(message);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ownTemporal(dbFile: string): Promise<Awaited<ReturnType<typeof startTemporal>>> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'TEMPORAL_ADDRESS'));
  const resolved = await resolveTemporal({ env, repoDir: rootFolder() });
  if (resolved.kind === 'external') throw new Error('the hot path is measured on a server of its own');
  const server = await startTemporal({ binary: resolved.binary, dbFile, port: await freePort() });
  await prepareNamespace({ address: server.address, namespace: NAMESPACE });
  return server;
}

async function migrated(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await migrate(client);
  } finally {
    await client.end();
  }
}

/** The shipped strategy with its model; the threshold lets every entry pass, the limits are out of the way. */
function configuration(): object {
  const shipped = loadConfig({ path: join(rootFolder(), 'keelson.config.json'), env: {} });
  const model = shipped.strategies[0]?.model;
  if (model === undefined) throw new Error('the shipped configuration has a strategy');
  return {
    venues: { paper: { profile: 'binance', paper: true } },
    accounts: { [ACCOUNT]: { venue: 'paper' } },
    strategies: [
      {
        id: 'momentum',
        account: ACCOUNT,
        instruments: INSTRUMENTS,
        interval: '1s',
        signalValidMs: 10_000,
        model: { path: join(rootFolder(), model.path), sha256: model.sha256, threshold: 0 },
        sizing: { kind: 'fixedNotional', notional: '500' },
      },
    ],
    limits: {
      [ACCOUNT]: {
        maxOrderNotional: '1000',
        maxInstrumentExposure: '1000000',
        maxAccountExposure: '10000000',
        maxOpenOrders: 1_000,
        // More than any plan of these orders, and so in nobody's way.
        maxStrategyOrdersPerSecond: 1_000,
        maxStrategyOrdersPerMinute: 1_000,
        maxAccountOrdersPerSecond: 1_000,
        maxAccountOrdersPerMinute: 1_000,
        maxRepeats: 1_000,
        duplicateWindowMs: 0,
        collarBps: 200,
        priceMaxAgeMs: 60_000,
      },
    },
    demo: { balances: { USDT: '1000000' } },
  };
}

interface Child {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly said: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Returns when the child said that it is `ready` or `listening`. */
function startChild(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  seen: (stamps: VenueStamps | WorkerStamps) => void,
): Promise<Child> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|KEELSON|EXCHANGE)_/.test(name)));
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    env: { ...inherited, ...env },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(limit);
  };
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it was ready`)));
    child.on('message', (message: { readonly type: string }) => {
      if (message.type === 'ready' || message.type === 'listening') resolve({ child, pid: child.pid ?? 0, said: { ...message }, stop });
      if (message.type === 'venueStamps' || message.type === 'workerStamps') seen(message as VenueStamps | WorkerStamps);
    });
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
