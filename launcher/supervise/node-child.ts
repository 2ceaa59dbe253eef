import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ChildPlan, ChildRun, RunEnd } from './child.js';
import { appendLine, closeLog, openLog } from './log-file.js';
import type { OpenLog } from './log-file.js';

/** A program of ours, run by plain Node with an IPC channel (`workers/supervised.ts` is the other end). */
export interface NodeChildOptions {
  readonly name: string;
  /** Compiled file to run. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** The whole environment of the child; asked for at every spawn. */
  readonly env: () => Promise<NodeJS.ProcessEnv>;
  readonly log: string;
  readonly stopLimitMs: number;
  /** A child that has beaten once and is then silent for so long is ended (and started again), in ms. */
  readonly silenceLimitMs?: number;
  /** A child that is neither ready nor waits for a server after so long is ended, in ms. */
  readonly readyLimitMs?: number;
  /**
   * For a program that tells its readiness on standard output instead of the channel: gives what it said when a line
   * means "ready", and undefined for every other line.
   */
  readonly readyLine?: (line: string) => Readonly<Record<string, unknown>> | undefined;
  /** For a program that does not beat: asked once a second when it is ready, an answer counts as a beat. */
  readonly ask?: () => Promise<unknown>;
}

const SILENCE_LIMIT_MS = 10_000;
const READY_LIMIT_MS = 120_000;
const ASK_MS = 1000;

/** No answer is what the limit on silence is for. */
const ignore = (): void => undefined;

export function nodeChild(options: NodeChildOptions): ChildPlan {
  return {
    name: options.name,
    log: options.log,
    stopLimitMs: options.stopLimitMs,
    stopSignal: 'SIGTERM',
    endsAlone: true,
    spawn: async () => run(options, await options.env()),
  };
}

function run(options: NodeChildOptions, env: NodeJS.ProcessEnv): ChildRun {
  const log = openLog(options.log);
  const child = spawn(process.execPath, ['--enable-source-maps', options.file, ...(options.args ?? [])], {
    cwd: options.cwd,
    env,
    // Its own session: a Ctrl-C or a closed terminal reaches only the supervisor, which stops all in order.
    detached: true,
    // Straight into the file, so that a child outlives its supervisor's pipe long enough to drain.
    stdio: ['pipe', options.readyLine === undefined ? log.fd : 'pipe', log.fd, 'ipc'],
  });
  if (options.readyLine === undefined) closeLog(log);
  return watch(child, options, log);
}

function watch(child: ChildProcess, options: NodeChildOptions, log: OpenLog): ChildRun {
  let lastBeatAt: number | undefined;
  let endedByUs: string | undefined;
  let isReady = false;
  let waitedAt: number | undefined;
  const end = (why: string): void => {
    endedByUs ??= why;
    killGroup(child);
  };

  const ended = new Promise<RunEnd>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, endedByUs: `could not be started: ${error.message}` }));
    child.once('exit', (code, signal) => resolve({ code, signal, ...(endedByUs === undefined ? {} : { endedByUs }) }));
  });

  const ready = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    const onReady = (said: Readonly<Record<string, unknown>>): void => {
      isReady = true;
      resolve(said);
    };
    child.on('message', (message) => {
      lastBeatAt = performance.now();
      if (typeof message !== 'object' || message === null || !('type' in message)) return;
      if (message.type === 'waiting') waitedAt = lastBeatAt;
      if (message.type === 'ready') onReady(message);
    });
    const { readyLine } = options;
    if (readyLine !== undefined && child.stdout !== null) {
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        appendLine(log, line);
        const said = isReady ? undefined : readyLine(line);
        if (said !== undefined) onReady(said);
      });
      lines.once('close', () => closeLog(log));
    }
    void ended.then(() => reject(new Error(`${options.name} ended before it was ready`)));
  });
  // Nobody may be waiting for it (a restart): the end itself is what is acted on.
  ready.catch(() => undefined);

  const { ask } = options;
  if (ask !== undefined) {
    const asking = setInterval(() => {
      if (isReady) ask().then(() => (lastBeatAt = performance.now()), ignore);
    }, ASK_MS);
    void ended.then(() => clearInterval(asking));
  }

  const silenceLimitMs = options.silenceLimitMs ?? SILENCE_LIMIT_MS;
  const readyLimitMs = options.readyLimitMs ?? READY_LIMIT_MS;
  const spawnedAt = performance.now();
  const checkMs = Math.max(20, Math.min(1000, silenceLimitMs / 5));
  let checkedAt = spawnedAt;
  const check = setInterval(() => {
    const now = performance.now();
    // We stood still ourselves (a suspended machine): the child's silence in that time means nothing.
    if (now - checkedAt > checkMs + silenceLimitMs / 2 && lastBeatAt !== undefined) lastBeatAt = now;
    checkedAt = now;
    if (lastBeatAt !== undefined && now - lastBeatAt > silenceLimitMs) {
      end(`its event loop was silent for ${Math.round((now - lastBeatAt) / 100) / 10} s`);
    } else if (!isReady && now - (waitedAt ?? spawnedAt) > readyLimitMs) {
      end(`it was not ready after ${Math.round(readyLimitMs / 1000)} s`);
    }
  }, checkMs);
  void ended.then(() => clearInterval(check));

  child.stdin?.on('error', () => undefined);
  return {
    pid: child.pid ?? -1,
    ready,
    ended,
    isWaiting: () => waitedAt !== undefined && !isReady,
    stop: () => {
      if (child.connected) child.send({ type: 'stop' }, () => undefined);
      // A program that knows nothing of messages sees its input end.
      child.stdin?.end();
    },
    kill: () => killGroup(child),
  };
}

/** The child leads its own group: what it may have started itself goes with it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
