import { fork, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { rootFolder } from '../config/index.js';
import { migrate } from '../db/migrate.js';
import { startPostgres, type PostgresServer } from '../launcher/postgres/server.js';
import { prepareNamespace } from '../launcher/temporal/namespace.js';
import { resolveTemporal } from '../launcher/temporal/resolve.js';
import { startTemporal, type TemporalServer } from '../launcher/temporal/start.js';

const STOP_LIMIT_MS = 15_000;

/** Postgres and Temporal of a run's own, real and durable. Both can be taken away and come back where they were. */
export class OwnServers {
  private postgresServer: PostgresServer;
  private temporalServer: TemporalServer;
  private readonly startOne: { readonly postgres: () => Promise<PostgresServer>; readonly temporal: () => Promise<TemporalServer> };

  private constructor(postgres: PostgresServer, temporal: TemporalServer, startOne: OwnServers['startOne']) {
    this.postgresServer = postgres;
    this.temporalServer = temporal;
    this.startOne = startOne;
  }

  /**
   * @param folder one that the account of Postgres can pass through
   * @param settings of Postgres, on top of the durable ones of `npm start`
   */
  static async open(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<OwnServers> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'TEMPORAL_ADDRESS'));
    const resolved = await resolveTemporal({ env, repoDir: rootFolder() });
    if (resolved.kind === 'external') throw new Error('a run with servers of its own needs a Temporal program');
    const ports = { postgres: await freePort(), temporal: await freePort() };
    const startOne = {
      postgres: () => startPostgres({ home: join(folder, 'postgres'), port: ports.postgres, settings }),
      temporal: () => startTemporal({ binary: resolved.binary, dbFile: join(folder, 'temporal.db'), port: ports.temporal }),
    };
    const postgres = await startOne.postgres();
    try {
      return new OwnServers(postgres, await startOne.temporal(), startOne);
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  get temporalAddress(): string {
    return this.temporalServer.address;
  }

  get pids(): Readonly<Record<'temporal' | 'postgres', number>> {
    return { temporal: this.temporalServer.pid, postgres: this.postgresServer.pid };
  }

  /** A new database with every migration. `before`: what is done in it before the first. @returns its address */
  async database(name: string, before: (client: pg.Client) => Promise<unknown> = () => Promise.resolve()): Promise<string> {
    await asClient(this.postgresServer.url, (client) => client.query(`create database ${name}`));
    const address = new URL(this.postgresServer.url);
    address.pathname = `/${name}`;
    await asClient(address.href, before);
    await asClient(address.href, (client) => migrate(client));
    return address.href;
  }

  async namespace(name: string): Promise<void> {
    await prepareNamespace({ address: this.temporalAddress, namespace: name });
  }

  async stop(which: 'postgres' | 'temporal'): Promise<void> {
    await (which === 'postgres' ? this.postgresServer : this.temporalServer).stop();
  }

  async startAgain(which: 'postgres' | 'temporal'): Promise<void> {
    if (which === 'postgres') this.postgresServer = await this.startOne.postgres();
    else this.temporalServer = await this.startOne.temporal();
  }

  async close(): Promise<void> {
    await this.temporalServer.stop();
    await this.postgresServer.stop();
  }
}

async function asClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** A program in a process of its own. */
export interface Child {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly said: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/**
 * Starts a program of the build and returns when it said that it is `ready` or `listening`.
 * @param program its path below the compiled tree
 * @param heard whatever else it says
 * @param output where it writes: by default with us
 */
export function startChild(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  heard: (message: { readonly type: string }) => void = () => undefined,
  output = 2,
): Promise<Child> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TEMPORAL|KEELSON|EXCHANGE)_/.test(name)));
  const child = fork(join(rootFolder(), 'dist', program), args, {
    env: { ...inherited, ...env },
    stdio: ['ignore', output, output, 'ipc'],
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
      heard(message);
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
