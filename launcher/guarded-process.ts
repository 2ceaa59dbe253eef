import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * A program that does not know of us, held so that it ends with us: a shell waits for it and interrupts it when its
 * standard input closes, which it does even when we are killed with -9. It has a process group of its own, so that
 * Ctrl-C on the terminal reaches only us and we can stop things in order.
 */
export interface GuardedProcess {
  /** Of the shell that guards it. */
  readonly pid: number;
  /** Resolves when the program has ended, with the reason and the last lines it wrote. */
  readonly exited: Promise<ProcessEnd>;
  /** Asks it to end (SIGINT), insists with SIGQUIT after `graceMs`, and returns when it has ended. */
  stop(graceMs?: number): Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | undefined;
  readonly lastLines: readonly string[];
}

// Without job control a background job reads /dev/null, so standard input is kept as descriptor 3. The watcher is a
// subshell that outlives nothing: whichever of the two ends first, the other is ended.
const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null &
program=$!
trap 'kill -INT $program 2>/dev/null' INT TERM
trap 'kill -QUIT $program 2>/dev/null' QUIT
( cat <&3 >/dev/null; kill -INT $program 2>/dev/null ) &
watcher=$!
exec 3<&-
wait $program
code=$?
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill $watcher 2>/dev/null
exit $code
`;

const KEPT_LINES = 30;

export function startGuarded(options: {
  program: string;
  arguments: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  account?: { uid: number; gid: number } | undefined;
  onLine: (line: string) => void;
}): GuardedProcess {
  const child = spawn('/bin/sh', ['-c', GUARD, 'guard', options.program, ...options.arguments], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...options.account,
  });
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
  return { pid: child.pid ?? 0, exited, stop: (graceMs = 10_000) => stop(child, exited, graceMs) };
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
