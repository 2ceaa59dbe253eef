import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { listen } from './listener.js';
import { createOutboxStore } from './outbox-store.js';
import { eventually } from '../../test/support/eventually.js';

let store: TestDatabase;
let stop: (() => Promise<void>) | undefined;

beforeAll(async () => {
  store = await testDatabase();
});
afterAll(() => store.drop());
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

const end = (applicationName: string): Promise<unknown> =>
  store.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()', [
    applicationName,
  ]);

test('a lost connection is told, made again, and tells that something may have been missed', async () => {
  const told: string[] = [];
  stop = listen({
    url: store.url,
    applicationName: 'listener-test',
    channel: 'listener_test',
    onNotification: (payload) => told.push(payload),
    onListening: () => told.push('(listening)'),
    onLost: () => told.push('(lost)'),
  });
  await eventually(() => expect(told).toEqual(['(listening)']));
  await store.pool.query(`select pg_notify('listener_test', 'one')`);
  await eventually(() => expect(told).toEqual(['(listening)', 'one']));
  await end('listener-test');
  await eventually(() => expect(told.slice(2)).toEqual(['(lost)', '(listening)']));
  await store.pool.query(`select pg_notify('listener_test', 'two')`);
  await eventually(() => expect(told.at(-1)).toBe('two'));
});

test('nothing is told after the end, and the end does not wait for a database that is not there', async () => {
  const told: string[] = [];
  const onLost = (): void => void told.push('(lost)');
  const common = { applicationName: 'listener-test', channel: 'c', onNotification: () => undefined, onListening: () => undefined, onLost };
  const nowhere = listen({ ...common, url: 'postgres://nobody@127.0.0.1:1/none' });
  await eventually(() => expect(told).toEqual(['(lost)']));
  await nowhere();
  expect(told).toEqual(['(lost)']);
});

test('the outbox looks for rows again after each time that it could not have heard of them', async () => {
  let looks = 0;
  stop = createOutboxStore(store.pool, store.url, 1).listen(() => (looks += 1));
  await eventually(() => expect(looks).toBe(1));
  await end('keelson-outbox');
  await eventually(() => expect(looks).toBe(2));
});
