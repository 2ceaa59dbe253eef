import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkDurability, databaseIdentity } from '../../db/durability.js';
import { KeelsonError } from '../../core/errors.js';
import { freePort } from '../../test/support/free-port.js';
import { goneWithin, identify } from '../home/process-identity.js';
import { serverAccount } from './account.js';
import { findBinaries } from './binaries.js';
import { parsePostmasterFile } from './leftover.js';
import { type PostgresOptions, type PostgresServer, startPostgres } from './server.js';

const HOLD = fileURLToPath(new URL('fixtures/hold.mjs', import.meta.url));
const isRoot = process.getuid?.() === 0;

let folder: string;
let home: string;
let running: PostgresServer[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-postgres-'));
  // As root the server is another account's, which has to get through.
  await chmod(folder, 0o711);
  home = join(folder, 'home');
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(options: Partial<PostgresOptions> = {}): Promise<PostgresServer> {
  const server = await startPostgres({ home, port: await freePort(), ...options });
  running.push(server);
  return server;
}

async function query(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed ends its sessions: an event, not a failure of the test.
  client.on('error', () => {});
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query<object>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

function poolOf(server: PostgresServer): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url });
  // Its sessions may outlive `end` by a moment, and the server ends them when it stops.
  pool.on('error', () => {});
  return pool;
}

async function postmaster(dataDir: string): Promise<number> {
  const pid = parsePostmasterFile(await readFile(join(dataDir, 'postmaster.pid'), 'utf8'));
  if (pid === undefined) throw new Error('no postmaster');
  return pid;
}

const failureOf = async (promise: Promise<unknown>): Promise<KeelsonError> => {
  const reason: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(reason).toBeInstanceOf(KeelsonError);
  return reason as KeelsonError;
};

test('the second start finds what the first one wrote, on another port, and the same system', async () => {
  const first = await start();
  await query(first.url, 'create table kept (id int)', 'insert into kept values (1)');
  const pool = poolOf(first);
  await checkDurability(pool);
  const identity = await databaseIdentity(pool);
  await pool.end();
  await first.stop();
  expect(await first.exited).toMatchObject({ code: 0 });

  const second = await start();
  expect(second.port).not.toBe(first.port);
  expect(await query(second.url, 'select * from kept')).toEqual([{ id: 1 }]);
  const again = poolOf(second);
  expect(await databaseIdentity(again)).toEqual(identity);
  expect(identity.systemIdentifier).toMatch(/^\d{15,}$/);
  await again.end();
});

test('only our user can read the password, and a wrong one is refused', async () => {
  const server = await start();
  const { mode } = await stat(join(home, 'password'));
  expect(mode & 0o777).toBe(0o600);
  const wrong = new URL(server.url);
  wrong.password = 'guessed';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
});

test('killed with -9, it comes back with every acknowledged row', async () => {
  const first = await start();
  await query(first.url, 'create table kept (id int)', 'insert into kept select generate_series(1, 1000)');
  process.kill(await postmaster(first.dataDir), 'SIGKILL');
  expect((await first.exited).code).not.toBe(0);
  const second = await start();
  expect(await query(second.url, 'select count(*)::int as count from kept')).toEqual([{ count: 1000 }]);
});

test('a server that nobody holds any more is stopped before ours starts', async () => {
  const first = await start();
  await first.stop();
  const account = await serverAccount();
  const binaries = await findBinaries({ account, systemDir: join(folder, 'system'), report: () => {} });
  const flags = ['-D', first.dataDir, '-p', String(first.port), '-c', 'unix_socket_directories='];
  const orphan = spawn(binaries.postgres, flags, { cwd: first.dataDir, stdio: ['ignore', 'ignore', 'pipe'], detached: true, ...account });
  for await (const line of createInterface({ input: orphan.stderr })) {
    if (line.includes('ready to accept connections')) break;
  }
  const identity = identify(await postmaster(first.dataDir));
  const lines: string[] = [];
  const second = await start({ report: (line) => lines.push(line) });
  expect(identity && (await goneWithin(identity, 0))).toBe(true);
  expect(lines.join('\n')).toContain(`process ${identity?.pid}`);
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('it ends with the process that started it, even one killed with -9', async () => {
  const holder = spawn(process.execPath, [HOLD, home, String(await freePort())], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
  const { dataDir } = JSON.parse(line) as { dataDir: string };
  const server = identify(await postmaster(dataDir));
  holder.kill('SIGKILL');
  expect(server && (await goneWithin(server, 5000))).toBe(true);
});

test('a start right after such an end waits for the old server to be gone', async () => {
  const holder = spawn(process.execPath, [HOLD, home, String(await freePort())], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  await query(url, 'create table kept (id int)', 'insert into kept values (7)');
  holder.kill('SIGKILL');
  const next = await start();
  expect(await query(next.url, 'select * from kept')).toEqual([{ id: 7 }]);
});

test('a taken port is said in the server’s own words', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const address = holder.address();
  try {
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failureOf(start({ port }));
    expect(error.failure.code).toBe('CONFIG_DATABASE');
    expect(error.message).toMatch(/Address already in use/);
  } finally {
    holder.close();
  }
});

test('a server that may lose acknowledged rows is refused', async () => {
  const server = await start({ settings: { full_page_writes: 'off' } });
  const pool = poolOf(server);
  try {
    const error = await failureOf(checkDurability(pool));
    expect(error.failure).toMatchObject({ code: 'CONFIG_DURABILITY', values: { setting: 'full_page_writes', value: 'off' } });
  } finally {
    await pool.end();
  }
});

test.runIf(isRoot)('a home that the server’s account may not enter (root’s own) works all the same', async () => {
  const closed = join(folder, 'closed');
  await mkdir(closed, { mode: 0o700 });
  home = join(closed, 'home');
  const systemDir = join(folder, 'system');
  const lines: string[] = [];
  const first = await start({ systemDir, report: (line) => lines.push(line) });
  await query(first.url, 'create table kept (id int)');
  expect(first.dataDir.startsWith(systemDir)).toBe(true);
  expect(lines.join('\n')).toContain(closed);
  expect(await readdir(home)).toContain('data-is-elsewhere.json');
  await first.stop();
  const second = await start({ systemDir });
  expect(await query(second.url, 'select * from kept')).toEqual([]);
});
