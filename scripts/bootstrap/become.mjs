import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inRoot } from './paths.mjs';

const SIGNALS = new Set(['SIGINT', 'SIGTERM', 'SIGHUP']);
const ECHO_MS = 250;

/**
 * Ctrl-C under npm reaches a program twice: from the terminal, and again from npm, which passes it on. To a program for
 * which the second Ctrl-C means "at once" that is not the same, so an echo of the same signal is dropped.
 */
export function dropEchoes() {
  const seenAt = new Map();
  const emit = process.emit;
  process.emit = function emitOnce(name, ...rest) {
    if (SIGNALS.has(name)) {
      const now = performance.now();
      const before = seenAt.get(name) ?? -Infinity;
      if (now - before < ECHO_MS) return true;
      seenAt.set(name, now);
    }
    return emit.call(process, name, ...rest);
  };
}

/**
 * Goes on as the compiled program `dist/<target>`, in this process: same pid, same streams, signals and exit code, as if
 * it had been called directly.
 * @param {string} target path below dist/, such as `launcher/main.js`
 * @param {readonly string[]} args
 */
export async function become(target, args) {
  const file = inRoot('dist', target);
  if (!existsSync(file)) {
    process.stderr.write(`There is no program dist/${target}. Programs are compiled from the .ts file of the same path.\n`);
    process.exit(2);
  }
  dropEchoes();
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}
