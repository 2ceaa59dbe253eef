import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * A server program, held so that it ends with us: when its standard input closes, which it does even when we are
 * killed with -9. It leads a process group of its own, so that Ctrl-C on the terminal reaches only us and we can stop
 * things in order.
 */
export interface GuardedProcess {
  /** Leader of the group: the program, or the shell that watches over it. */
  readonly pid: number;
  /** Resolves when the program has ended, with its last lines. */
  readonly exited: Promise<ProcessEnd>;
  /** Asks it to end, insists with SIGQUIT after `graceMs`, and returns when it has ended. */
  stop(graceMs?: number): Promise<ProcessEnd>;
  /** Ends it and all of its group at once. */
  kill(): void;
}

export interface ProcessEnd {
  readonly code: number | undefined;
  readonly lastLines: readonly string[];
}

export interface GuardedOptions {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether the program ends by itself when its standard input closes; else a shell watches and sends `stopSignal`. */
  readonly exitsWithStdin: boolean;
  /** What makes the program end in order. By default SIGTERM. */
  readonly stopSignal?: 'SIGINT' | 'SIGTERM';
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  readonly onLine: (line: string) => void;
}

// Without job control a background job reads /dev/null, so standard input is kept as descriptor 3. Whichever of
// program and watcher ends first, the other is ended.
const WATCH = `
signal=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
program=$!
trap 'kill -"$signal" $program 2>/dev/null' INT TERM
trap 'kill -QUIT $program 2>/dev/null' QUIT
( cat <&3 >/dev/null; kill -"$signal" $program 2>/dev/null ) &
watcher=$!
exec 3<&-
wait $program
code=$?
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill $watcher 2>/dev/null
exit $code
`;

const KEPT_LINES = 30;

export function startGuarded(options: GuardedOptions): GuardedProcess {
  const child = spawnIt(options);
  const lastLines: string[] = [];
  const take = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
    options.onLine(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take);
  // The pipe breaks when the program ends first: not an event of its own.
  child.stdin.on('error', () => {});
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('error', (error) => {
      take(String(error));
      resolve({ code: undefined, lastLines });
    });
    child.once('close', (code) => resolve({ code: code ?? undefined, lastLines }));
  });
  return {
    pid: child.pid ?? 0,
    exited,
    stop: (graceMs = 10_000) => stop(child, exited, graceMs),
    kill: () => killGroup(child),
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function spawnIt(options: GuardedOptions) {
  const own = [options.program, ...options.arguments];
  const signal = (options.stopSignal ?? 'SIGTERM').slice('SIG'.length);
  const [program = '', ...rest] = options.exitsWithStdin ? own : ['/bin/sh', '-c', WATCH, 'watch', signal, ...own];
  return spawn(program, rest, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...options.account,
  });
}

async function stop(child: ChildProcess, exited: Promise<ProcessEnd>, graceMs: number): Promise<ProcessEnd> {
  child.stdin?.end();
  const insist = setTimeout(() => child.kill('SIGQUIT'), graceMs);
  try {
    return await exited;
  } finally {
    clearTimeout(insist);
  }
}
