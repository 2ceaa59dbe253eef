import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createChatReadingStore, readChatFacts } from './chat-reading-store.js';
import { openPool } from './pool.js';

let database: TestDatabase;
let pool: Pool;
const CONTESTED = { why: 'error 409', isContested: true };
const AWAY = { why: 'the connection failed', isContested: false };

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, { applicationName: 'test' });
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});
afterEach(() => database.pool.query('delete from chat_reading; delete from alert_deliveries; delete from alerts'));

const state = async (): Promise<string> => (await readChatFacts(pool)).state;
/** All that is written was so many seconds earlier; negative: the clock was set back. */
const pass = (seconds: number): Promise<unknown> =>
  database.pool.query(
    `update chat_reading set (reads_until, tried_since, tried_at, read_at, contested_since, contested_at) =
       (select reads_until - of, tried_since - of, tried_at - of, read_at - of, contested_since - of, contested_at - of
         from make_interval(secs => $1) of)`,
    [seconds],
  );
const alerts = async (): Promise<object[]> =>
  (await database.pool.query<object>(`select times, next_at is not null as again from alerts where kind = 'chat.silent' order by alert_id`))
    .rows;

it('one has the turn until it has not begun again for a while, or has ended', async () => {
  const store = createChatReadingStore(pool);
  expect(await store.begin('a')).toBe(true);
  expect(await store.begin('b')).toBe(false);
  expect(await store.begin('a')).toBe(true);
  await pass(13);
  expect(await store.begin('b')).toBe(true);
  expect(await store.begin('a')).toBe(false);
  await store.end('a');
  expect(await store.begin('a')).toBe(false);
  await store.end('b');
  expect(await store.begin('a')).toBe(true);
  // After a clock was set back nobody waits until it has come there again.
  await pass(-3_600);
  expect(await store.begin('b')).toBe(true);
});

it('is silent after two minutes without a read, whoever tried, and people are told once until somebody has read', async () => {
  const store = createChatReadingStore(pool);
  expect(await state()).toBe('silent');
  await store.begin('a');
  await store.told('a', AWAY);
  expect(await state()).toBe('read');
  await pass(100);
  await store.begin('b');
  await store.told('b', AWAY);
  expect([await state(), await alerts()]).toEqual(['read', []]);
  await pass(30);
  await store.begin('a');
  // The one before has been ended by it: that says nothing.
  await store.told('b', AWAY);
  expect([await state(), await alerts()]).toEqual(['silent', []]);
  for (let time = 0; time < 2; time += 1) await store.told('a', AWAY);
  expect([await state(), await alerts()]).toEqual(['silent', [{ times: 1, again: true }]]);
  await store.told('a', undefined);
  expect([await state(), await alerts()]).toEqual(['read', [{ times: 1, again: false }]]);
  await pass(121);
  // Where nobody tries any more it is silent, too; who tries again has two minutes for it.
  expect(await state()).toBe('silent');
  await store.begin('a');
  await store.told('a', AWAY);
  expect([await state(), await alerts()]).toEqual(['read', [{ times: 1, again: false }]]);
});

it('is contested where others read for two minutes, although ours do in between', async () => {
  const store = createChatReadingStore(pool);
  for (let seconds = 0; seconds < 120; seconds += 30) {
    await store.begin('a');
    await store.told('a', CONTESTED);
    await store.told('a', undefined);
    expect([await state(), await alerts()]).toEqual(['read', []]);
    await pass(30);
  }
  await store.begin('a');
  await store.told('a', CONTESTED);
  expect([await state(), await alerts()]).toEqual(['contested', [{ times: 1, again: true }]]);
  await store.told('a', undefined);
  expect(await readChatFacts(pool)).toMatchObject({ state: 'contested', failure: CONTESTED.why });
  await pass(61);
  await store.begin('a');
  await store.told('a', undefined);
  expect(await readChatFacts(pool)).toMatchObject({ state: 'read', failure: null });
  expect(await alerts()).toEqual([{ times: 1, again: false }]);
  // A single one after that is another beginning.
  await store.told('a', CONTESTED);
  expect(await state()).toBe('read');
});

it('nothing is left of a chat that nobody may halt from any more', async () => {
  const store = createChatReadingStore(pool);
  await store.begin('a');
  await pass(121);
  await store.told('a', AWAY);
  expect(await alerts()).toEqual([{ times: 1, again: true }]);
  await store.forget();
  await store.forget();
  expect(await alerts()).toEqual([{ times: 1, again: false }]);
  expect((await database.pool.query('select from chat_reading')).rowCount).toBe(0);
});
