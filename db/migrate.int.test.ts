import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import { type TestDatabase, testDatabase } from '../test/support/postgres.js';
import { migrate, missingMigrations } from './migrate.js';

let database: TestDatabase;
let folder: string;
const clients: pg.Client[] = [];

beforeEach(async () => {
  database = await testDatabase();
  // The clone has the real migrations; these tests bring their own.
  await database.pool.query('drop table schema_migrations');
  folder = await mkdtemp(join(tmpdir(), 'keelson-migrations-'));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  clients.push(client);
  return client;
}

const write = (name: string, sql: string): Promise<void> => writeFile(join(folder, `${name}.sql`), sql);
const failureOf = async (promise: Promise<unknown>): Promise<KeelsonError> => {
  const reason: unknown = await promise.catch((error: unknown) => error);
  expect(reason).toBeInstanceOf(KeelsonError);
  return reason as KeelsonError;
};

test('each is applied once, in the order of its stamp', async () => {
  await write('20260102000000_second', 'insert into things values (2)');
  await write('20260101000000_first', 'create table things (id int)');
  const client = await connect();
  expect(await migrate(client, folder)).toEqual(['20260101000000_first', '20260102000000_second']);
  expect(await migrate(client, folder)).toEqual([]);
  await write('20260103000000_third', 'insert into things values (3)');
  expect(await migrate(client, folder)).toEqual(['20260103000000_third']);
  expect((await client.query('select id from things order by id')).rows).toEqual([{ id: 2 }, { id: 3 }]);
});

test('two processes that start at once apply each once between them', async () => {
  await write('20260101000000_first', 'create table things (id int); select pg_sleep(0.1)');
  const applied = await Promise.all([connect(), connect()]).then((both) => Promise.all(both.map((client) => migrate(client, folder))));
  expect(applied.flat()).toEqual(['20260101000000_first']);
});

test('one that fails leaves nothing behind, keeps those before it, and lets the next start try again', async () => {
  await write('20260101000000_first', 'create table things (id int)');
  await write('20260102000000_second', 'create table halfway (id int); insert into nowhere values (1)');
  const client = await connect();
  const error = await failureOf(migrate(client, folder));
  expect(error.message).toMatch(/20260102000000_second.*nowhere/);
  expect((await client.query("select to_regclass('halfway') as it, to_regclass('things') as kept")).rows).toEqual([
    { it: null, kept: 'things' },
  ]);
  await write('20260102000000_second', 'create table halfway (id int)');
  expect(await migrate(await connect(), folder)).toEqual(['20260102000000_second']);
});

test('an edited one is refused, and so is a database that knows more than the build', async () => {
  await write('20260101000000_first', 'create table things (id int)');
  await write('20260102000000_second', 'select 1');
  const client = await connect();
  await migrate(client, folder);
  await write('20260101000000_first', 'create table things (id bigint)');
  const edited = await failureOf(migrate(client, folder));
  expect(edited.failure).toMatchObject({ code: 'CONFIG_MIGRATION_EDITED', values: { name: '20260101000000_first' } });
  await write('20260101000000_first', 'create table things (id int)');
  await rm(join(folder, '20260102000000_second.sql'));
  expect((await failureOf(migrate(client, folder))).message).toMatch(/20260102000000_second.*newer/s);
});

test('a process knows what the database of an older build lacks; one of a newer build lacks nothing, since it only adds', async () => {
  const names = ['20260101000000_first', '20260102000000_second', '20260103000000_third'] as const;
  for (const name of names.slice(0, 2)) await write(name, 'select 1');
  await migrate(await connect(), folder);
  expect(await missingMigrations(database.pool, folder)).toEqual([]);
  // This build brings two more.
  await write(names[2], 'select 1');
  await write('20260104000000_fourth', 'select 1');
  expect(await missingMigrations(database.pool, folder)).toEqual([names[2], '20260104000000_fourth']);
  await migrate(await connect(), folder);
  expect(await missingMigrations(database.pool, folder)).toEqual([]);
  // An older one, beside it in a rolling deployment.
  for (const name of [names[2], '20260104000000_fourth']) await rm(join(folder, `${name}.sql`));
  expect(await missingMigrations(database.pool, folder)).toEqual([]);
});
