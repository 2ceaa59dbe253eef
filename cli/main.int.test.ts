import { spawn } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'keelson-cli-process-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs the compiled program as `npx keelson` does. */
const keelson = (args: readonly string[], reader: 'reads' | 'hangs up' = 'reads') =>
  new Promise<{ code: number | null; out: string; error: string }>((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], KEELSON_HOME: home } });
    const result = { out: '', error: '' };
    if (reader === 'hangs up') child.stdout.destroy();
    child.stdout.on('data', (chunk) => (result.out += String(chunk)));
    child.stderr.on('data', (chunk) => (result.error += String(chunk)));
    child.on('close', (code) => resolve({ code, ...result }));
  });

const serving = async <T>(listener: RequestListener, work: () => Promise<T>): Promise<T> => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(join(home, 'run.json'), JSON.stringify({ pid: 1, since: 0, addresses: { api, temporal: '', metrics: {} }, pids: {} }));
  writeFileSync(join(home, 'owner-key'), 'the-key\n', { mode: 0o600 });
  try {
    return await work();
  } finally {
    server.close();
  }
};

test('the program prints, and its exit code is that of the command', async () => {
  expect(await keelson(['status'])).toMatchObject({ code: 69, out: '' });
  expect(await keelson(['--nonsense'])).toMatchObject({ code: 2, out: '' });
  const calls: (string | undefined)[] = [];
  const listed = await serving(
    (request, response) => {
      calls.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('{"orders":[]}');
    },
    () => keelson(['orders', '--json', '--limit', '3']),
  );
  expect(listed).toEqual({ code: 0, out: '{\n  "orders": []\n}\n', error: '' });
  expect(calls).toEqual(['GET /v1/orders?limit=3 Bearer the-key']);
});

test('a reader that has seen enough is no failure', async () => {
  expect(await keelson(['config', 'keys'], 'hangs up')).toMatchObject({ code: 0, error: '' });
});

test('an address that is not ours gets no second look', async () => {
  const answered = await serving(
    (_, response) => {
      response.statusCode = 302;
      response.setHeader('location', 'http://127.0.0.1:1/');
      response.end();
    },
    () => keelson(['status']),
  );
  expect(answered.code).toBe(69);
  const html = await serving(
    (_, response) => response.writeHead(502).end('<html>'),
    () => keelson(['status']),
  );
  expect(html).toMatchObject({ code: 1, error: 'The API answered 502 with something that is not of Keelson.\n' });
});
