import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { rootFolder } from '../../config/index.js';
import { eventually } from '../../test/support/eventually.js';
import { EXIT } from '../exit.js';

const PROGRAM = join(rootFolder(), 'scripts', 'keelson.mjs');
const home = mkdtempSync(join(tmpdir(), 'keelson-kill-ended-'));
let database: Server;
/** How often the database was tried, which never answers. */
let tries = 0;
let child: ChildProcess;
let said: string;

beforeAll(async () => {
  database = createServer((socket) => {
    tries += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => database.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  if (child.pid === undefined) return;
  try {
    // Whatever a test has left of its shell, too.
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
});
afterAll(async () => {
  await new Promise((resolve) => database.close(resolve));
  rmSync(home, { recursive: true, force: true });
});

/** `keelson kill --direct` as it is typed, once it says that the halt is not written. */
async function unlatched(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const url = `postgres://keelson:secret@127.0.0.1:${(database.address() as AddressInfo).port}/keelson`;
  const { PATH, HOME, TMPDIR } = process.env;
  child = spawn(program, args, {
    env: { PATH, HOME, TMPDIR, KEELSON_HOME: home, DATABASE_URL: url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (said += text.toString('utf8')));
  await eventually(() => expect(said).toContain('UNLATCHED: INFRA_DATABASE'), 60_000);
}
const DIRECTLY = [PROGRAM, 'kill', '--direct'] as const;
const ENDED = 'UNLATCHED: it was ended before the halt was written';

it.each(['SIGTERM', 'SIGINT'] as const)('%s before the halt is written ends it with the code of that', async (signal) => {
  await unlatched(process.execPath, DIRECTLY);
  child.kill(signal);
  expect(await once(child, 'close')).toEqual([EXIT.unlatched, null]);
  expect(said).toContain(ENDED);
});

it('goes on when nobody reads it any more, and keeps its code', async () => {
  await unlatched(process.execPath, DIRECTLY);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const before = tries;
  await eventually(() => expect(tries).toBeGreaterThan(before + 3));
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([EXIT.unlatched, null]);
});

/** As npx does: the shell waits for it, and passes nothing on. */
const IN_SHELL = ['-c', '"$0" "$@"; exit $?', process.execPath, ...DIRECTLY];

it('ends with the shell that npx runs it in, to which npx tells its own end', async () => {
  await unlatched('sh', IN_SHELL, { npm_command: 'exec' });
  child.kill('SIGTERM');
  await once(child, 'close');
  expect(said).toContain(ENDED);
});

it('goes on without any other parent', async () => {
  await unlatched('sh', IN_SHELL);
  child.kill('SIGTERM');
  await once(child, 'exit');
  const before = tries;
  await eventually(() => expect(tries).toBeGreaterThan(before + 5));
  expect(said).not.toContain(ENDED);
});
