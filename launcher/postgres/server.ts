import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { KeelsonError } from '../../core/errors.js';
import { type GuardedProcess, type ProcessEnd, startGuarded } from '../guarded-process.js';
import { type Account, serverAccount } from './account.js';
import { type Binaries, findBinaries } from './binaries.js';
import { stopLeftover } from './leftover.js';
import { type Location, settleLocation } from './location.js';

const run = promisify(execFile);

/** Our own Postgres, running. It ends when this process ends, however that happens. */
export interface PostgresServer {
  /** Of the database `keelson`, with the password in it: never log it. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** As npm knows it, for instance 15.18.0-beta.17. */
  readonly version: string;
  readonly pid: number;
  /** Resolves when the server has ended, wanted or not. */
  readonly exited: Promise<ProcessEnd>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Folder for password, data or the pointer to it; made when missing. */
  readonly home: string;
  readonly port: number;
  /** Root only: where programs and data go that the server's account could not reach in the home. */
  readonly systemDir?: string;
  /** Server settings on top of ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** What a person should know: first start, data elsewhere, leftover stopped. */
  readonly report?: (line: string) => void;
  /** The server's own log, line by line. */
  readonly onLog?: (line: string) => void;
}

const USER = 'keelson';
const DATABASE = 'keelson';
const READY = 'database system is ready to accept connections';
/** A crash recovery may replay a lot; a server that is silent for longer than this is stuck. */
const START_LIMIT_MS = 60_000;
/** How long the processes of a killed server may take to let go of its memory. */
const RETRY_MS = 5000;
const WORTH_RETRYING = /shared memory block|lock file "postmaster\.pid"|is another postmaster/;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Starts the server of this home, making its data folder on the first start and stopping a leftover of a killed process. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const report = options.report ?? (() => {});
  const systemDir = options.systemDir ?? '/var/lib/keelson';
  const account = await serverAccount();
  const binaries = await findBinaries({ account, systemDir, report });
  const location = await settleLocation({ home: options.home, account, systemDir, report });
  const leftover = await stopLeftover(location.dataDir).catch((error: Error) => fail(options.port, error.message));
  if (leftover !== undefined) report(`A Postgres (process ${leftover}) left behind by an earlier run was stopped`);
  if (!(await isInitialised(location.dataDir))) await initialise(binaries, location, account);

  const deadline = performance.now() + RETRY_MS;
  for (;;) {
    const attempt = await start(options, binaries, location, account);
    if (attempt.ready) return await withDatabase(options.port, binaries, location, attempt.process);
    const reason = reasonOf(attempt.end);
    if (!WORTH_RETRYING.test(reason) || performance.now() > deadline) fail(options.port, reason);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function fail(port: number, detail: string): never {
  throw new KeelsonError('CONFIG_DATABASE', { address: `127.0.0.1:${port} (embedded Postgres)`, detail });
}

/** The lines that say why; a server writes FATAL for its reason and HINT for what to do. */
export function reasonOf(end: ProcessEnd): string {
  const telling = end.lastLines.filter((line) => /FATAL|PANIC|ERROR|HINT|DETAIL|could not|Error:/.test(line));
  const lines = telling.length > 0 ? telling : end.lastLines.slice(-5);
  const texts = lines.map((line) => line.replace(/^\S+ \S+ UTC \[\d+\] /, '').trim());
  return texts.length > 0 ? texts.join('; ') : `it ended with code ${end.code ?? 'none'} and said nothing`;
}

async function isInitialised(dataDir: string): Promise<boolean> {
  return (await stat(join(dataDir, 'PG_VERSION')).catch(() => undefined)) !== undefined;
}

/** The locale is C everywhere: the same order of texts on each machine, and macOS has no C.UTF-8. */
async function initialise(binaries: Binaries, location: Location, account: Account | undefined): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-initdb-'));
  const passwordFile = join(folder, 'password');
  try {
    await writeFile(passwordFile, `${location.password}\n`, { mode: 0o600 });
    if (account !== undefined) {
      for (const path of [folder, passwordFile]) await chown(path, account.uid, account.gid);
    }
    const flags = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', `--username=${USER}`];
    await run(binaries.initdb, [`--pgdata=${location.dataDir}`, `--pwfile=${passwordFile}`, ...flags], {
      cwd: location.dataDir,
      env: serverEnvironment(),
      ...account,
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const detail = `its data folder ${location.dataDir} could not be made: ${(stderr ?? '').trim() || message}`;
    throw new KeelsonError('CONFIG_DATABASE', { address: 'the embedded server', detail }, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Attempt = { ready: true; process: GuardedProcess } | { ready: false; end: ProcessEnd };

async function start(options: PostgresOptions, binaries: Binaries, location: Location, account: Account | undefined): Promise<Attempt> {
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let isReady = (): void => {};
  const ready = new Promise<true>((resolve) => (isReady = () => resolve(true)));
  const process = startGuarded({
    program: binaries.postgres,
    arguments: ['-D', location.dataDir, '-p', String(options.port), ...settings],
    cwd: location.dataDir,
    env: serverEnvironment(),
    exitsWithStdin: false,
    // Postgres: SIGTERM would wait for every client to leave, SIGINT ends their sessions.
    stopSignal: 'SIGINT',
    account,
    onLine: (line) => {
      if (line.includes(READY)) isReady();
      options.onLog?.(line);
    },
  });
  const limit = setTimeout(() => void process.stop(1000), START_LIMIT_MS);
  try {
    const outcome = await Promise.race([ready, process.exited]);
    return outcome === true ? { ready: true, process } : { ready: false, end: outcome };
  } finally {
    clearTimeout(limit);
  }
}

/** Messages in English: the start is recognised by one. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function withDatabase(port: number, binaries: Binaries, location: Location, process: GuardedProcess): Promise<PostgresServer> {
  const address = (database: string): string => `postgres://${USER}:${location.password}@127.0.0.1:${port}/${database}`;
  const client = new pg.Client({ connectionString: address('postgres') });
  try {
    await client.connect();
    const found = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } catch (error) {
    await process.stop();
    fail(port, error instanceof Error ? error.message : String(error));
  } finally {
    await client.end().catch(() => {});
  }
  return {
    url: address(DATABASE),
    port,
    dataDir: location.dataDir,
    version: binaries.version,
    pid: process.pid,
    exited: process.exited,
    stop: async () => void (await process.stop()),
  };
}
