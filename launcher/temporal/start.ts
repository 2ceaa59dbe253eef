import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Connection } from '@temporalio/client';
import { KeelsonError } from '../../core/errors.js';
import { type GuardedProcess, type ProcessEnd, startGuarded } from '../guarded-process.js';
import { isAtLeast } from './version.js';

/** A program that takes the flags of `temporal server start-dev`: ours or the official one. */
export interface TemporalBinary {
  readonly path: string;
  /** Of the server inside it. */
  readonly version: string;
  readonly exitsWithStdin: boolean;
}

/** Our own Temporal server, running. It ends when this process ends, however that happens. */
export interface TemporalServer {
  readonly pid: number;
  readonly address: string;
  /** Undefined when it serves no UI. */
  readonly uiAddress: string | undefined;
  readonly version: string;
  readonly exited: Promise<ProcessEnd>;
  stop(): Promise<void>;
}

export interface StartTemporalOptions {
  readonly binary: TemporalBinary;
  /** Where everything is kept. Its folder is made when missing. */
  readonly dbFile: string;
  readonly port: number;
  /** Without it no UI is served. */
  readonly uiPort?: number;
  /** Server settings on top of ours, as `dynamic-config-value`s. */
  readonly settings?: Readonly<Record<string, number | boolean | string>>;
  /** The server's own log, line by line. */
  readonly onLog?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Both programs get these, so that the official one behaves as ours does. */
const SETTINGS = {
  // The default (20 a second) makes every step that is not eager wait for a tick of 50 ms.
  'history.transferProcessorMaxPollRPS': 1000,
  // Each start would read the search attributes' table before it is taken, 2 ms of it; who adds some waits until they are known (`prepareNamespace`).
  'system.forceSearchAttributesCacheRefreshOnRead': false,
  'system.enableEagerWorkflowStart': true,
  // On one node, partitions of a task queue only make tasks and polls wait for one another; and a poll of a worker that is
  // stopped would keep a partition from its parent.
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  // A worker that is stopped, or cut off, keeps its open polls, and each of them swallows a task until that times out.
  // Whoever does not answer a ping is forgotten after ten seconds, and not after seventy.
  'frontend.keepAliveTime': '5s',
  'frontend.keepAliveTimeout': '5s',
};

const START_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 8000;
const START_ATTEMPTS = 3;
const ATTEMPT_PAUSE_MS = 300;

/**
 * Starts the server over its file and returns when it answers.
 *
 * @throws KeelsonError CONFIG_TEMPORAL with the server's own reason, or when an older server would open the file
 */
export async function startTemporal(options: StartTemporalOptions): Promise<TemporalServer> {
  const address = `127.0.0.1:${options.port}`;
  const written = await versionThatWrote(options.dbFile);
  if (written !== undefined && !isAtLeast(options.binary.version, written)) {
    const detail = `${options.dbFile} was written by server ${written}, this one is ${options.binary.version}: an older server does not open it`;
    throw new KeelsonError('CONFIG_TEMPORAL', { address, detail });
  }
  await mkdir(dirname(options.dbFile), { recursive: true });
  // Before it opens the file, and not when it answers: one that is broken off in between has changed the file, and the server before does
  // not open it again.
  await recordVersion(options.dbFile, options.binary.version);
  const process = await startAnswering(options, address);
  return {
    pid: process.pid,
    address,
    uiAddress: options.uiPort === undefined ? undefined : `http://127.0.0.1:${options.uiPort}`,
    version: options.binary.version,
    exited: process.exited,
    stop: async () => void (await process.stop(STOP_GRACE_MS)),
  };
}

/**
 * The server picks ports for its own services, and between the choice and its use another program may take one: a server
 * that ends at once is started again.
 */
async function startAnswering(options: StartTemporalOptions, address: string): Promise<GuardedProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const process = spawnServer(options);
    let ended: ProcessEnd | undefined;
    void process.exited.then((end) => (ended = end));
    try {
      await untilAnswering(address, () => ended !== undefined || options.signal?.aborted === true);
      return process;
    } catch (cause) {
      const isWorthAnother = ended !== undefined && attempt < START_ATTEMPTS && options.signal?.aborted !== true;
      const end = ended ?? (await process.stop(1000));
      if (!isWorthAnother) throw new KeelsonError('CONFIG_TEMPORAL', { address, detail: reasonOf(end, cause) }, { cause });
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE_MS));
    }
  }
}

function spawnServer(options: StartTemporalOptions): GuardedProcess {
  const ui = options.uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(options.uiPort)];
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([key, value]) => [
    '--dynamic-config-value',
    `${key}=${JSON.stringify(value)}`,
  ]);
  return startGuarded({
    program: options.binary.path,
    arguments: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(options.port), ...ui],
      ...['--db-filename', options.dbFile, '--log-level', 'warn', ...settings],
      ...(options.binary.exitsWithStdin ? ['--exit-with-stdin'] : []),
    ],
    cwd: dirname(options.dbFile),
    env: process.env,
    exitsWithStdin: options.binary.exitsWithStdin,
    onLine: options.onLog ?? (() => {}),
  });
}

/** Waits for the port, then for an answer: gRPC alone would back off for a second after each refused connection. */
async function untilAnswering(address: string, hasEnded: () => boolean): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  const port = Number(address.split(':')[1]);
  for (;;) {
    if (hasEnded()) throw new Error('it ended');
    if (performance.now() > deadline) throw new Error(`it did not answer within ${START_LIMIT_MS / 1000} s`);
    if (await isListening(port)) {
      const connection = await Connection.connect({ address, connectTimeout: 2000 }).catch(() => undefined);
      await connection?.close();
      if (connection !== undefined && !hasEnded()) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function reasonOf(end: ProcessEnd, cause: unknown): string {
  const telling = end.lastLines.filter(
    (line) => /^error|fatal|panic|address already in use|unable to/i.test(line) || /\s(error|fatal)\s/.test(line),
  );
  const said = (telling.length > 0 ? telling : end.lastLines.slice(-3)).map((line) => line.slice(0, 300)).join('; ');
  const what = cause instanceof Error ? cause.message : String(cause);
  return said === '' ? `${what} (exit code ${end.code ?? 'none'})` : `${what}: ${said}`;
}

const versionFile = (dbFile: string): string => `${dbFile}.server.json`;

/** The server version that was last let to open this file, kept beside it; undefined where there is no file yet. */
export async function versionThatWrote(dbFile: string): Promise<string | undefined> {
  if (!existsSync(dbFile)) return undefined;
  const text = await readFile(versionFile(dbFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
}

async function recordVersion(dbFile: string, version: string): Promise<void> {
  const unfinished = `${versionFile(dbFile)}.new`;
  await writeFile(unfinished, `${JSON.stringify({ version })}\n`);
  await rename(unfinished, versionFile(dbFile));
}
