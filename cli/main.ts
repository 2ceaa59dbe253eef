import { randomUUID } from 'node:crypto';
import { rootFolder } from '../config/index.js';
import { runCommandLine } from './program.js';

// A reader that has seen enough (`keelson events | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  root: rootFolder(),
  now: Date.now,
  newId: randomUUID,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
});
