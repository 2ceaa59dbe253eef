import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { KEYS, seedPeople, seedTrading } from '../test/support/api.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { temporalIfAny } from '../test/support/temporal.js';

const MAIN = fileURLToPath(new URL('../dist/api/main.js', import.meta.url));
const temporal = await temporalIfAny();

let store: TestDatabase;
let child: ChildProcess | undefined;
beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
});
afterEach(() => void child?.kill('SIGKILL'));
afterAll(() => store.drop());

/** Starts the process as the launcher does; `ended` gives its exit code and what it said on standard error. */
const start = (env: Record<string, string>) => {
  const started = fork(MAIN, {
    env: { PATH: process.env['PATH'] ?? '', KEELSON_API_PORT: '0', LOG_LEVEL: 'warn', ...env },
    silent: true,
    execArgv: [],
  });
  child = started;
  let error = '';
  started.stderr?.on('data', (chunk) => (error += String(chunk)));
  started.stdout?.resume();
  const types = new Set<unknown>();
  const ready = new Promise<string>((resolve) => {
    started.on('message', (message: { type?: unknown; address?: unknown }) => {
      types.add(message.type);
      if (message.type === 'ready') resolve(String(message.address));
    });
  });
  const ended = once(started, 'close').then(([code]) => ({ code: code as number | null, error }));
  return { started, ready, ended, types };
};

test.skipIf(temporal === undefined)('reports ready with its address on loopback, serves, and stops when told', async () => {
  const { started, ready, ended, types } = start({
    DATABASE_URL: store.url,
    TEMPORAL_ADDRESS: temporal?.address ?? '',
    ENVIRONMENT: 'test',
  });
  const address = await Promise.race([ready, ended.then(({ error }) => Promise.reject(new Error(error)))]);
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const probe = await fetch(`${address}/readyz`);
  expect({ status: probe.status, body: await probe.json() }).toEqual({
    status: 200,
    body: { status: 'up', postgres: 'up', temporal: 'up' },
  });
  const status = await fetch(`${address}/v1/status`, { headers: { authorization: `Bearer ${KEYS.viewer}` } });
  expect(await status.json()).toMatchObject({
    environment: 'test',
    temporal: { address: temporal?.address },
    accounts: [{ account: 'main' }],
  });
  const metrics = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${KEYS.viewer}` } });
  expect(await metrics.text()).toContain('process_resident_memory_bytes');
  started.send({ type: 'stop' });
  expect(await ended).toEqual({ code: 0, error: '' });
  expect(types).toEqual(new Set(['beat', 'ready']));
});

test('a wrong environment ends with 78 and tells every problem', async () => {
  const { code, error } = await start({ DATABASE_URL: 'mysql://u:hunter2@h/x', LOG_LEVEL: 'loud', ENVIRONMENT: 'prodd' }).ended;
  expect(code).toBe(78);
  expect(
    error
      .split('\n')
      .slice(1, 4)
      .map((line) => line.split(':')[0]?.trim()),
  ).toEqual(['ENVIRONMENT', 'LOG_LEVEL', 'DATABASE_URL']);
  expect(error).not.toContain('hunter2');
  const missing = await start({}).ended;
  expect(missing).toMatchObject({ code: 78 });
  expect(missing.error).toContain('DATABASE_URL: is missing');
});
