import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/counting.mjs', import.meta.url));

/** Sends SIGINT after each pause and returns how many of them the program saw. */
async function signalsSeen(pausesMs: readonly number[], expected: number): Promise<number> {
  const child = spawn(process.execPath, [FIXTURE], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  await eventually(() => expect(output).toContain('ready'));
  for (const pauseMs of pausesMs) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    child.kill('SIGINT');
  }
  await eventually(() => expect(output.match(/signal/g)?.length).toBe(expected));
  child.stdin.end();
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

it('sees the echo of a Ctrl-C under npm as one', async () => expect(await signalsSeen([0, 20], 1)).toBe(1));
it('sees a second Ctrl-C of a person as a second', async () => expect(await signalsSeen([0, 400], 2)).toBe(2));
