import { afterAll, beforeAll, expect, test } from 'vitest';
import { beforeMigration, type BeforeMigration } from '../test/support/before-migration.js';

const PEOPLE = '20261126010000_people.sql';
let before: BeforeMigration;

beforeAll(async () => {
  before = await beforeMigration(PEOPLE);
});
afterAll(() => before?.close());

test('the owner of before is an admin with the same key, and a command of before, without a key, moves nothing', async () => {
  const { client } = before;
  await client.query(`
    insert into people (subject, name, roles) values ('owner', 'Owner', '{owner}');
    insert into api_keys (subject, key_sha256, label) values ('owner', '\\x00', 'first');
    insert into accounts (account, venue) values ('main', 'paper');
    insert into control (account) values ('main');
    insert into commands (command_id, account, kind, subject, reason)
      values ('3f6c1b54-2f5a-4d5e-9a54-0f0d8a1c2b3d', 'main', 'pause', 'owner', 'before')`);
  expect(await before.migrate()).toEqual([PEOPLE.replace('.sql', '')]);
  const { rows } = await client.query('select roles, revoked_at, deactivated_at from people join api_keys using (subject)');
  expect(rows).toEqual([{ roles: ['admin'], revoked_at: null, deactivated_at: null }]);
  const command = { commandId: '3f6c1b54-2f5a-4d5e-9a54-0f0d8a1c2b3d', account: 'main', kind: 'pause', mode: 'paused' };
  const { rows: answers } = await client.query('select apply_mode_command($1) as answer', [command]);
  expect(answers).toEqual([{ answer: { result: 'noCommand' } }]);
  expect((await client.query('select mode, held_by from control')).rows).toEqual([{ mode: 'normal', held_by: null }]);
  const insert = `insert into commands (command_id, account, kind, subject, reason) values (gen_random_uuid(), 'main', 'pause', 'owner', 'no key')`;
  expect(String(await client.query(insert).catch((error: unknown) => error))).toContain('commands_have_key');
});
