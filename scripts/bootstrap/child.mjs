import { spawn } from 'node:child_process';
import { ROOT } from './paths.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How long a program may take to end after a signal: tests have servers to stop. */
const PATIENCE_MS = 20_000;

/** Exit code of a program ended by a signal, as shells count it. */
const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 };

/**
 * Runs one program to its end and returns its exit code and its output (empty when it was shown directly).
 * A signal to us ends it too: no half-finished installation goes on behind a script that is gone.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ show?: boolean, env?: NodeJS.ProcessEnv, patienceMs?: number }} [options] `show`: the program writes to our
 *   own output; `patienceMs`: how long it may take to end after a signal.
 * @returns {Promise<{ code: number, output: string }>}
 */
export function runToEnd(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: options.env ?? process.env,
      stdio: options.show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    const pieces = [];
    let received;
    const pass = (signal) => {
      received = signal;
      child.kill(signal);
      setTimeout(() => child.kill('SIGKILL'), options.patienceMs ?? PATIENCE_MS).unref();
    };
    for (const signal of SIGNALS) process.on(signal, pass);
    child.stdout?.on('data', (piece) => pieces.push(piece));
    child.stderr?.on('data', (piece) => pieces.push(piece));
    const finish = (code, extra = '') => {
      for (const signal of SIGNALS) process.removeListener(signal, pass);
      if (received) process.exit(SIGNAL_CODES[received] ?? 1);
      resolve({ code, output: Buffer.concat(pieces).toString('utf8') + extra });
    };
    child.on('error', (error) => finish(127, `${program}: ${error.message}`));
    child.on('close', (code, signal) => finish(code ?? SIGNAL_CODES[signal] ?? 1));
  });
}

/** Runs a JavaScript file with the Node that runs us. */
export const runNode = (file, args = [], options = {}) => runToEnd(process.execPath, [file, ...args], options);
