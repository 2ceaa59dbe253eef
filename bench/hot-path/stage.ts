import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, rootFolder } from '../../config/index.js';
import { OwnServers, startChild } from '../servers.js';
import { INSTRUMENTS, type Pace } from './schedule.js';
import type { PaceMessage, VenueStamps, WorkerStamps } from './stamps.js';

const NAMESPACE = 'default';
const ACCOUNT = 'main';
const [KEY, SECRET] = ['bench-key', 'bench-secret'];

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
    const servers = await OwnServers.open(folder);
    closers.push(() => servers.close());
    const databaseUrl = await servers.database('bench');
    await servers.namespace(NAMESPACE);
    const heard = (message: { readonly type: string }): void => {
      if (message.type === 'venueStamps' || message.type === 'workerStamps') seen(message as VenueStamps | WorkerStamps);
    };
    const venue = await startChild('bench/hot-path/venue-process.js', [join(folder, 'journal.jsonl'), KEY, SECRET], {}, heard);
    closers.push(() => venue.stop());
    const configFile = join(folder, 'keelson.config.json');
    await writeFile(configFile, JSON.stringify(configuration()));
    const profile = join(folder, 'client.toml');
    await writeFile(profile, '[profile.default]\n');
    const env = {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      TEMPORAL_CONFIG_FILE: profile,
      KEELSON_CONFIG: configFile,
      KEELSON_PAPER_REST: String(venue.said['rest']),
      KEELSON_PAPER_STREAM: String(venue.said['stream']),
      KEELSON_PAPER_WSAPI: String(venue.said['wsApi']),
      EXCHANGE_API_KEY: KEY,
      EXCHANGE_API_SECRET: SECRET,
      LOG_LEVEL: 'warn',
    };
    const guardian = await startChild('workers/guardian.js', [], env);
    closers.push(() => guardian.stop());
    const worker = await startChild('bench/hot-path/worker-process.js', [], env, heard);
    closers.push(() => worker.stop());
    return {
      temporalAddress: servers.temporalAddress,
      databaseUrl,
      pids: { worker: worker.pid, guardian: guardian.pid, venue: venue.pid, ...servers.pids },
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
