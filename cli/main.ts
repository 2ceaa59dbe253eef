import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { rootFolder } from '../config/build.js';
import { runCommandLine } from './program.js';

// A reader that has seen enough (`keelson events | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  // What has ended with a code keeps it: it is set in the same turn as the last line is written.
  setImmediate(() => process.exit(process.exitCode ?? 0));
});
// Nobody may read what is said beside the answer; a halt goes on all the same.
process.stderr.on('error', () => undefined);

const ask = async (question: string): Promise<string> => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // End of input without an answer is an empty one.
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const answer = await Promise.race([lines.question(question), ended]);
  lines.close();
  return answer;
};

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  root: rootFolder(),
  now: Date.now,
  newId: randomUUID,
  ...(process.stdin.isTTY ? { ask } : {}),
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
});
