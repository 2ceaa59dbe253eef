import type { NativeConnection } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import { pino, type Logger } from 'pino';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createMarketStore } from '../../adapters/store/market-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { openPool } from '../../adapters/store/pool.js';
import type { ControlStore, MarketStore, OrderStore } from '../../activities/ports/store.js';
import { configPath, databaseUrl, loadConfig, logLevel, type Config } from '../../config/index.js';
import { KeelsonError } from '../../core/errors.js';
import { checkDurability } from '../../db/durability.js';
import { startsUnder } from './epoch.js';
import { quietRuntime } from './runtime.js';
import { namespaceOf } from './temporal-connection.js';

const LOOK_EVERY_MS = 5_000;

/** What every worker process has without Temporal: configuration and ledger. */
export interface LocalProcess {
  readonly name: string;
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly orders: OrderStore;
  readonly market: MarketStore;
  readonly control: ControlStore;
  readonly instanceId: string;
  readonly epoch: number;
  readonly clock: () => number;
  /** Aborted when this process shall stop: streams hand over at once. */
  readonly stopping: AbortController;
  close(): Promise<void>;
}

/** What it works with once Temporal is there. */
export interface WorkerProcess extends LocalProcess {
  readonly connection: NativeConnection;
  readonly client: Client;
}

/**
 * Opens what a worker needs beside Temporal.
 * @param onReplaced the database has become another while the process ran: it names orders as the one of before did, and has to end (P31)
 * @throws KeelsonError CONFIG_… with every problem at once, INFRA_DATABASE.
 */
export async function openLocalProcess(
  name: string,
  env: NodeJS.ProcessEnv,
  onReplaced: (replaced: KeelsonError) => void,
): Promise<LocalProcess> {
  const config = loadConfig({ path: configPath(env, process.cwd()), env, credentials: 'all' });
  const log = pino({ level: logLevel(env), base: { process: name } });
  const url = databaseUrl(env);
  if (url === undefined) throw new KeelsonError('CONFIG_DATABASE', { address: 'DATABASE_URL', detail: 'it is not set' });
  const pool = openPool(url, { applicationName: `keelson-${name}`, max: 8, pipelined: true, onReplaced });
  // A container may start a worker without the launcher, which checks the same.
  await checkDurability(pool);
  const control = createControlStore(pool);
  const { instanceId, epoch } = await control.epoch();
  // The SDK's runtime comes to life with its first connection: what it logs is settled before.
  quietRuntime(log);
  // Not every change comes with new connections: another process may have found that the database has gone back.
  const looking = setInterval(() => {
    void control.epoch().then(
      (now) => {
        if (now.instanceId !== instanceId || now.epoch !== epoch) onReplaced(replacedError({ instanceId, epoch }, now));
      },
      () => undefined,
    );
  }, LOOK_EVERY_MS).unref();
  return {
    name,
    config,
    env,
    log,
    pool,
    databaseUrl: url,
    orders: createOrderStore(pool),
    market: createMarketStore(pool),
    control,
    instanceId,
    epoch,
    clock: Date.now,
    stopping: new AbortController(),
    async close() {
      clearInterval(looking);
      await pool.end();
    },
  };
}

/** Client and Worker share one connection object: only so can the worker start workflows eagerly in its own process. */
export function withTemporal(local: LocalProcess, connection: NativeConnection): WorkerProcess {
  const namespace = namespaceOf(local.env);
  const client = new Client({ connection, namespace, interceptors: { workflow: [startsUnder(local.epoch)] } });
  return { ...local, connection, client };
}

type Instance = Awaited<ReturnType<ControlStore['epoch']>>;

function replacedError(was: Instance, is: Instance): KeelsonError {
  const text = ({ instanceId, epoch }: Instance): string => `${instanceId} ${epoch}`;
  return new KeelsonError('INFRA_INSTANCE_REPLACED', { was: text(was), is: text(is) });
}
