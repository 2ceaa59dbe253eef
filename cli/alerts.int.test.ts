import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiUnderTest, KEYS, seedPeople, type ApiUnderTest } from '../test/support/api.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { EXIT } from './exit.js';
import { runCommandLine } from './program.js';

const home = mkdtempSync(join(tmpdir(), 'keelson-alerts-'));
let store: TestDatabase;
let api: ApiUnderTest;
let address: string;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  api = apiUnderTest(store);
  address = await api.server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await api?.close();
  await store?.drop();
  rmSync(home, { recursive: true, force: true });
});

const acknowledge = async (...alerts: readonly string[]) => {
  const said = { exitCode: 0, out: '', error: '' };
  said.exitCode = await runCommandLine(['alerts', 'ack', ...alerts, '--reason', 'looked into'], {
    ...{ env: { KEELSON_HOME: home, KEELSON_API_URL: address, KEELSON_API_KEY: KEYS.trader }, root: home, now: Date.now, newId: () => '' },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
  });
  return said;
};
const raised = async (): Promise<string> => {
  const { rows } = await store.pool.query<{ id: string }>(
    `select raise_alert(jsonb_build_object('key', gen_random_uuid()::text, 'severity', 'error', 'kind', 'test', 'summary', 'a test')) as id`,
  );
  return rows[0]?.id ?? '';
};
const open = async (): Promise<readonly string[]> => {
  const { rows } = await store.pool.query<{ id: string }>(
    'select alert_id::text as id from alerts where acknowledged_at is null order by alert_id',
  );
  return rows.map(({ id }) => id);
};

test('several alerts are acknowledged at once, each once; one alone as ever', async () => {
  const [one, other, third, fourth] = [await raised(), await raised(), await raised(), await raised()];
  expect(await acknowledge(one, other, one)).toEqual({ exitCode: 0, out: `Alerts ${one}, ${other} are acknowledged.\n`, error: '' });
  expect(await open()).toEqual([third, fourth]);
  expect((await acknowledge(third)).out).toBe(`Alert ${third} is acknowledged.\n`);
  expect(await open()).toEqual([fourth]);
  expect((await acknowledge()).exitCode).toBe(EXIT.usage);
});

test('where one is refused it says which were acknowledged before it, and which were not tried', async () => {
  const [one, other] = [await raised(), await raised()];
  const { exitCode, error } = await acknowledge(one, '99999', other);
  expect(exitCode).toBe(EXIT.refused);
  expect(error).toContain(`Acknowledged before it: ${one}. Not tried any more: ${other}.`);
  expect(await open()).not.toContain(one);
  expect(await open()).toContain(other);
});
