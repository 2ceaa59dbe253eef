import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../test/support/postgres.js';
import { lastEvents } from './last-events.js';
import { ensureFirstPeople, retirePeople } from './first-people.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const OWNER = { person: 'owner', name: 'Owner', roles: ['admin'], key: 'secret' } as const;

test('the first people are made once, only the hash of the key is stored, and both are in the audit', async () => {
  await ensureFirstPeople(database.url, [OWNER]);
  await ensureFirstPeople(database.url, [OWNER]);
  const { rows } = await database.pool.query(
    'select subject, roles, key_sha256 from people join api_keys using (subject) where subject = $1',
    ['owner'],
  );
  expect(rows).toEqual([{ subject: 'owner', roles: ['admin'], key_sha256: createHash('sha256').update('secret').digest() }]);
});

test('who was deactivated stays so, and gets no key by a start', async () => {
  const rik = { person: 'rik', name: 'Rik', roles: ['risk'], key: 'another secret' } as const;
  await ensureFirstPeople(database.url, [OWNER, rik]);
  await database.pool.query(`update people set deactivated_at = clock_timestamp() where subject = 'rik'`);
  await ensureFirstPeople(database.url, [{ ...rik, key: 'a third secret' }]);
  const { rows } = await database.pool.query(
    `select deactivated_at is null as is_active from people join api_keys using (subject) where subject = 'rik'`,
  );
  expect(rows).toEqual([{ is_active: false }]);
  const audit = await database.pool.query(`select kind, data->>'person' as person from audit_events order by event_id`);
  expect(audit.rows).toEqual(['owner', 'rik'].flatMap((person) => ['person.added', 'key.given'].map((kind) => ({ kind, person }))));
  expect(JSON.stringify(audit.rows)).not.toContain('secret');
});

test('demo people are retired outside development, and whoever only has such a name is not', async () => {
  const tess = { person: 'tess', name: 'Tess', roles: ['trader'], key: 'a demo secret' } as const;
  await ensureFirstPeople(database.url, [tess]);
  await database.pool.query(`insert into people (subject, name, roles) values ('tom', 'Tom', array['viewer'])`);
  await retirePeople(database.url, ['tess', 'tom']);
  await retirePeople(database.url, ['tess', 'tom']);
  const { rows } = await database.pool.query(
    `select subject, deactivated_at is null as is_active from people where subject in ('tess', 'tom') order by 1`,
  );
  expect(rows).toEqual([
    { subject: 'tess', is_active: false },
    { subject: 'tom', is_active: true },
  ]);
  const audit = await database.pool.query(`select subject from audit_events where kind = 'person.deactivated'`);
  expect(audit.rows).toEqual([{ subject: 'first start' }]);
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
