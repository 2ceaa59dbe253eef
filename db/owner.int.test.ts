import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../test/support/postgres.js';
import { lastEvents } from './last-events.js';
import { OWNER_SUBJECT, ensureOwner } from './owner.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test('the owner is made once, and only the hash of the key is stored', async () => {
  await ensureOwner(database.url, 'secret');
  await ensureOwner(database.url, 'secret');
  const { rows } = await database.pool.query(
    'select subject, roles, key_sha256 from people join api_keys using (subject) where subject = $1',
    [OWNER_SUBJECT],
  );
  expect(rows).toEqual([{ subject: OWNER_SUBJECT, roles: ['admin'], key_sha256: createHash('sha256').update('secret').digest() }]);
});

test('the last events before a start: the last of all, and the last mode of each account', async () => {
  const fresh = await lastEvents(database.url);
  expect(fresh.modeChanges).toEqual([]);
  const note = (kind: string, account: string, data: object) =>
    database.pool.query('insert into audit_events (kind, account, subject, data) values ($1, $2, $3, $4)', [kind, account, 'owner', data]);
  await note('mode.changed', 'main', { mode: 'paused', reason: 'first' });
  await note('mode.changed', 'other', { mode: 'normal', reason: 'other' });
  await note('mode.changed', 'main', { mode: 'paused', reason: 'second' });
  await note('config.applied', 'main', {});
  const last = await lastEvents(database.url);
  expect(BigInt(last.id)).toBeGreaterThan(BigInt(fresh.id) + 3n);
  expect(last.modeChanges).toMatchObject([
    { account: 'main', subject: 'owner', data: { mode: 'paused', reason: 'second' } },
    { account: 'other', data: { mode: 'normal' } },
  ]);
  expect(Math.abs(Date.now() - (last.modeChanges[0]?.time ?? 0))).toBeLessThan(60_000);
});
