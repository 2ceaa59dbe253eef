import { Worker } from 'node:worker_threads';
import { KeelsonError } from '../core/errors.js';

/**
 * The child side of supervision. A process started by the launcher has an IPC channel: it says once a second that its
 * event loop is alive, stops when told to, and ends by itself when the channel closes, so that a supervisor killed
 * with -9 leaves nothing behind. Started by hand or by a container it is driven by SIGTERM and SIGINT instead.
 */

/**
 * A hung event loop cannot see its channel close. A thread of its own asks once in a while who the parent is: when that
 * has changed for longer than the limit, the process is ended from inside.
 */
const ORPHAN_WATCH = `
const { workerData } = require('node:worker_threads');
const parent = process.ppid;
let orphanedAt;
setInterval(() => {
  if (process.ppid === parent) return;
  orphanedAt ??= performance.now();
  if (performance.now() - orphanedAt > workerData.limitMs) process.kill(process.pid, 'SIGKILL');
}, workerData.pollMs);
`;

/**
 * What a child sends. `beat` proves a living event loop; `waiting`: it does what it can, and is ready when a server that it needs is there; `ready`
 * carries what others need, such as an address.
 */
export type ChildMessage = { readonly type: 'beat' | 'waiting' } | ({ readonly type: 'ready' } & Readonly<Record<string, unknown>>);

/** What a child is told. */
export interface StopMessage {
  readonly type: 'stop';
}

export interface SupervisedOptions {
  /** Ends the work of this process: take nothing new, drain, close. Called once. The process exits when it settles. */
  readonly onStop: () => Promise<void>;
  /** How long `onStop` may take once nobody is left to enforce a limit (channel closed), in ms. Default 5000. */
  readonly orphanLimitMs?: number;
  /** Time between two beats, in ms. Default 1000. */
  readonly beatMs?: number;
}

export interface Supervised {
  /** Says that this process does its work now; `extra` (plain data) travels along. Call it once. */
  ready(extra?: Readonly<Record<string, unknown>>): void;
  /** Says that it is not ready yet, and why that is no fault of its own; to be said again as long as that is so. */
  waiting(): void;
  /** Whether a supervisor is on the other side of an IPC channel. */
  readonly isSupervised: boolean;
}

const isStop = (message: unknown): message is StopMessage =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop';

/** Call it first thing, before any connection is opened: a process that hangs while it starts has to beat as well. */
export function supervised(options: SupervisedOptions): Supervised {
  const isSupervised = process.send !== undefined;
  let isStopping = false;

  const stop = (limitMs?: number): void => {
    // The limit also covers a stop that is already under way: the orphan's clock starts when the channel closes.
    if (limitMs !== undefined) setTimeout(() => process.exit(1), limitMs).unref();
    if (isStopping) return;
    isStopping = true;
    options.onStop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`stop failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      },
    );
  };

  const tell = (message: ChildMessage): void => {
    // The channel may close between the check and the write; 'disconnect' then ends this process anyway.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };

  if (isSupervised) {
    // Ctrl-C reaches every process of the terminal's group; the order of the stop is the supervisor's business.
    process.on('SIGINT', () => undefined);
    process.on('SIGHUP', () => undefined);
    process.on('SIGTERM', () => stop());
    process.on('message', (message) => {
      if (isStop(message)) stop();
    });
    const orphanLimitMs = options.orphanLimitMs ?? 5000;
    process.on('disconnect', () => stop(orphanLimitMs));
    new Worker(ORPHAN_WATCH, {
      eval: true,
      execArgv: [],
      workerData: { limitMs: orphanLimitMs + 1000, pollMs: Math.min(500, orphanLimitMs) },
    }).unref();
    tell({ type: 'beat' });
    setInterval(() => tell({ type: 'beat' }), options.beatMs ?? 1000);
  } else {
    const onSignal = (code: number) => (): void => {
      if (isStopping) process.exit(code);
      stop();
    };
    process.on('SIGINT', onSignal(130));
    process.on('SIGTERM', onSignal(143));
  }

  return {
    isSupervised,
    ready: (extra = {}) => tell({ ...extra, type: 'ready' }),
    waiting: () => tell({ type: 'waiting' }),
  };
}

/** What a process was given is wrong (78), a server that it needs does not answer (69, as sysexits.h has it), or anything else. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KeelsonError)) return 1;
  const { code } = error.failure;
  if (code.startsWith('CONFIG_')) return 78;
  return code === 'INFRA_DATABASE' || code === 'INFRA_TEMPORAL' ? 69 : 1;
}
