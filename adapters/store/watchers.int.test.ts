import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Watchers } from '../../activities/watch/watchers.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createWatcherStore } from './watch-store.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(`insert into accounts (account, venue) values ('main', 'paper'), ('other', 'paper')`);
});
afterAll(() => database?.drop());

const warned: string[] = [];
const guardian = (accounts: readonly string[], store = createWatcherStore(database.pool), together?: readonly string[]): Watchers =>
  new Watchers({
    store,
    accounts,
    together: (account) => together ?? [account],
    watcher: randomUUID(),
    clock: Date.now,
    log: { warn: (_, message) => void warned.push(message) },
  });

it('P16: guardians that watch the same account know how many they are, until one ends or is not heard of any more', async () => {
  const first = guardian(['main', 'other']);
  expect(first.of('main')).toBe(1);
  await first.start();
  const second = guardian(['main']);
  await second.start();
  const third = guardian(['main', 'other']);
  await third.start();
  expect([third.of('main'), third.of('other'), second.of('main'), first.of('main')]).toEqual([3, 2, 2, 1]);
  await third.close();
  // Of accounts that the venue counts together each has its part, once it is at work; guardians count as many as there are at most.
  const both = guardian(['main', 'other'], createWatcherStore(database.pool), ['main', 'other']);
  await both.start();
  expect([both.of('main'), both.of('other'), both.of('main')]).toEqual([3, 6, 6]);
  both.tellNeed('main', { least: 2, wished: 2 });
  both.tellNeed('other', { least: 0.25, wished: 0.5 });
  expect([both.of('main'), both.of('other')]).toEqual([4, 12]);
  await both.close();
  const fourth = guardian(['main', 'other']);
  await fourth.start();
  expect([fourth.of('main'), fourth.of('other')]).toEqual([3, 2]);
  // Killed, one tells nothing; nor does a clock that was set back make it young.
  await database.pool.query(`update account_watchers set seen_at = clock_timestamp() + interval '1 minute'`);
  const fifth = guardian(['main']);
  await fifth.start();
  expect(fifth.of('main')).toBe(1);
  for (const one of [first, second, fourth, fifth]) await one.close();
  expect((await database.pool.query('select from account_watchers')).rowCount).toBe(0);
  expect(warned).toEqual([]);
});

it('where the ledger does not answer, it is one, and says so once', async () => {
  const away = (): Promise<never> => Promise.reject(new Error('away'));
  const one = guardian(['main'], { tell: away, end: away });
  await one.start();
  expect(one.of('main')).toBe(1);
  await one.close();
  expect(warned).toHaveLength(2);
});
