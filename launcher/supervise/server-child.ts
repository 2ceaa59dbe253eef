import type { ChildPlan, ChildRun } from './child.js';
import { appendLine, closeLog, openLog } from './log-file.js';

/** A server program that was started and answers; it leads a process group of its own and ends with us. */
export interface RunningServer {
  readonly pid: number;
  readonly exited: Promise<{ readonly code: number | undefined }>;
  stop(): Promise<void>;
}

export interface ServerChildOptions<S extends RunningServer> {
  readonly name: string;
  readonly log: string;
  readonly stopLimitMs: number;
  /** Starts it and returns when it answers. `onLine` takes its log. */
  readonly start: (onLine: (line: string) => void, signal: AbortSignal) => Promise<S>;
  /** What others have to know of it, such as its address. */
  readonly said: (server: S) => Readonly<Record<string, unknown>>;
}

/** A server program as a child of the supervisor: it has no channel, so that it is ready when its start returns. */
export function serverChild<S extends RunningServer>(options: ServerChildOptions<S>): ChildPlan {
  return {
    name: options.name,
    log: options.log,
    stopLimitMs: options.stopLimitMs,
    stopSignal: 'SIGTERM',
    endsAlone: true,
    spawn: async (signal) => {
      const log = openLog(options.log);
      let isOpen = true;
      const close = (): void => {
        if (isOpen) closeLog(log);
        isOpen = false;
      };
      try {
        const server = await options.start((line) => {
          if (isOpen) appendLine(log, line);
        }, signal);
        void server.exited.then(close, close);
        return running(server, options.said(server));
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

function running(server: RunningServer, said: Readonly<Record<string, unknown>>): ChildRun {
  return {
    pid: server.pid,
    ready: Promise.resolve(said),
    ended: server.exited.then(
      ({ code }) => ({ code: code ?? null, signal: null }),
      () => ({ code: null, signal: null }),
    ),
    // A stop that fails shows as a child that does not end within its limit.
    stop: () => void server.stop().catch(() => undefined),
    kill: () => {
      try {
        process.kill(-server.pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
    },
  };
}
