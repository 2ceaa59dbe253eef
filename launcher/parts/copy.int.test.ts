import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyBefore, copySize, readCopies } from '../../db/copies.js';
import { freePort } from '../../test/support/free-port.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { LauncherEvent } from '../screen/events.js';
import { Steps } from '../screen/steps.js';
import { startTemporal, versionThatWrote, type TemporalBinary } from '../temporal/start.js';
import { copyBeforeMigrations, copyBeforeNewerServer, endWayBack } from './copy.js';
import { withClient } from './database.js';

let database: TestDatabase;
let folder: string;
let told: string[];
let steps: Steps;

beforeEach(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'keelson-copy-'));
  told = [];
  const show = (event: LauncherEvent): void => void (event.event === 'step' && event.state === 'done' && told.push(event.message));
  steps = new Steps({ show }, Date.now);
});
afterEach(async () => {
  await beside(async (client) => {
    for (const name of await copies(client)) await client.query(`drop database ${name}`);
  });
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const name = (): string => new URL(database.url).pathname.slice(1);
const beside = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const url = new URL(database.url);
  url.pathname = '/postgres';
  return withClient(url.href, work);
};
const copies = async (client: pg.Client): Promise<string[]> =>
  (
    await client.query<{ name: string }>(`select datname as name from pg_database where datname like $1 order by 1`, [`${name()}%before%`])
  ).rows.map((row) => row.name);
/** As if the newest migration had not been here yet. @returns its stamp */
const behind = (): Promise<string> =>
  withClient(database.url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'delete from schema_migrations where name = (select max(name) from schema_migrations) returning name',
    );
    await client.query(`insert into people (subject, name, roles) values ('ada', 'ada', '{viewer}')`);
    return rows[0]?.name.slice(0, 14) ?? '';
  });
const copy = (dataDir: string | undefined = folder): Promise<void> =>
  copyBeforeMigrations({ steps, paths: { temporal: folder } }, { url: database.url, dataDir });

it('what an older build has stored is copied before it is migrated, with the files of Temporal, and told', async () => {
  const stamp = await behind();
  await writeFile(join(folder, 'temporal.db'), 'runs');
  await writeFile(join(folder, 'client.toml'), 'no data');
  await copy();
  expect(await beside(copies)).toEqual([`${name()}_before_${stamp}`]);
  // As the daily checks tell of it.
  const seen = await withClient(database.url, readCopies);
  expect(seen).toEqual([{ name: `${name()}_before_${stamp}`, ageMs: expect.any(Number) as number }]);
  expect(seen[0]?.ageMs).toBeLessThan(3_600_000);
  // Who may not look at the server's files has the names.
  const asNobody = await withClient(database.url, async (client) => {
    await client.query('begin; create role copies_nobody; set local role copies_nobody');
    const rows = await readCopies(client);
    await client.query('rollback');
    return rows;
  });
  expect(asNobody).toEqual([{ name: `${name()}_before_${stamp}`, ageMs: null }]);
  const kept = new URL(database.url);
  kept.pathname += `_before_${stamp}`;
  const people = await withClient(kept.href, (client) => client.query(`select from people where subject = 'ada'`));
  expect(people.rowCount).toBe(1);
  // Put in the place of its original it is a restore, and says so to every build (P31).
  const of = (href: string): Promise<{ instance_id: string; epoch: number; system_identifier: string }> =>
    withClient(href, async (client) => (await client.query('select instance_id, epoch, system_identifier from instance')).rows[0]);
  const [was, is] = [await of(database.url), await of(kept.href)];
  expect(is).toMatchObject({ epoch: was.epoch + 1, system_identifier: 'a copy' });
  expect(is.instance_id).not.toBe(was.instance_id);
  const found = await withClient(kept.href, (client) => client.query<{ told: string }>('select check_instance_identity() as told'));
  expect(found.rows[0]?.told).toBe('changed');
  expect(await readdir(join(folder, `before_${stamp}`))).toEqual(['temporal.db']);
  expect(told).toEqual([`Copied as it was before 1 migration: database ${name()}_before_${stamp}, and the files of Temporal`]);
  // A start that was given up afterwards, and is made again: one copy, of what is there now.
  await writeFile(join(folder, 'temporal.db'), 'more runs');
  await copy();
  expect(await beside(copies)).toHaveLength(1);
  expect(await readFile(join(folder, `before_${stamp}`, 'temporal.db'), 'utf8')).toBe('more runs');
});

it('nothing is copied where nothing is to come, where nothing was, and of a database of one’s own', async () => {
  await copy();
  expect(told).toEqual([]);
  await behind();
  await copyBeforeMigrations({ steps, paths: { temporal: folder } }, { url: database.url, dataDir: undefined });
  expect(told).toEqual([expect.stringContaining('a backup of it is yours to make')]);
  await withClient(database.url, (client) => client.query('drop schema public cascade; create schema public'));
  await copy();
  expect(await beside(copies)).toEqual([]);
});

it('what keeps it from being copied has a code, and nothing is changed', async () => {
  await behind();
  await writeFile(join(folder, 'temporal.db'), 'runs');
  // Somebody is connected: then no server copies a database.
  await withClient(database.url, async () => {
    const detail = expect.stringContaining('being accessed by other users') as string;
    await expect(copy()).rejects.toMatchObject({ failure: { code: 'INFRA_COPY', values: { detail } } });
  });
  expect(await beside(copies)).toEqual([]);
  expect(await readdir(folder)).toEqual(['temporal.db']);
});

/** A server that opens its file, changes it, and ends before it answers. */
async function brokenServer(version: string): Promise<TemporalBinary> {
  const path = join(folder, 'broken-server');
  await writeFile(path, '#!/bin/sh\nprintf migrated >temporal.db\nexit 1\n', { mode: 0o755 });
  return { path, version, exitsWithStdin: false };
}
const before = (version: string): Promise<string | undefined> =>
  copyBeforeNewerServer({ steps, paths: { temporal: folder } }, { dbFile: join(folder, 'temporal.db'), version });
const writtenBy = async (version: string): Promise<void> => {
  await writeFile(join(folder, 'temporal.db'), `runs of ${version}`);
  await writeFile(join(folder, 'temporal.db.server.json'), JSON.stringify({ version }));
};

it('the file of Temporal is copied before a newer server opens it, and is the way back until workers begin', async () => {
  // No file yet, one that nobody has said who wrote, and one of this very server: nothing to be copied.
  expect(await before('1.32.1')).toBeUndefined();
  await writeFile(join(folder, 'temporal.db'), 'runs');
  expect(await before('1.32.1')).toBeUndefined();
  await writtenBy('1.32.1');
  expect(await before('1.32.1')).toBeUndefined();
  const kept = (await before('1.33.0')) ?? '';
  expect(kept).toBe(join(folder, 'written_by_1.32.1'));
  expect((await readdir(kept)).toSorted()).toEqual(['temporal.db', 'temporal.db.server.json']);
  expect(told).toEqual([
    `Temporal server 1.33.0 is newer than 1.32.1, which wrote its file and will not open it again: as it was, the file lies in ${kept}`,
  ]);
  await writtenBy('1.33.0');
  expect(await before('1.33.0')).toBe(kept);
  await endWayBack(folder);
  await endWayBack(folder);
  expect(await before('1.33.0')).toBeUndefined();
  // Copies of before migrations are counted apart.
  await behind();
  await copy();
  for (const written of ['1.32.2', '1.32.9', '1.32.10']) {
    await writtenBy(written);
    await before('1.33.0');
    await endWayBack(folder);
  }
  const folders = (await readdir(folder)).filter((one) => one.includes('_'));
  expect(folders.map((one) => one.replace(/\d{14}/, ''))).toEqual(['before_', 'written_by_1.32.10', 'written_by_1.32.9']);
});

it('a newer server that breaks off when it has opened the file leaves the copy as it is, at the next start and under a newer one still', async () => {
  await writtenBy('1.32.1');
  const kept = (await before('1.33.0')) ?? '';
  const options = { binary: await brokenServer('1.33.0'), dbFile: join(folder, 'temporal.db'), port: await freePort() };
  await expect(startTemporal(options)).rejects.toMatchObject({ failure: { code: 'CONFIG_TEMPORAL' } });
  expect(await readFile(options.dbFile, 'utf8')).toBe('migrated');
  expect(await versionThatWrote(options.dbFile)).toBe('1.33.0');
  for (const version of ['1.33.0', '1.34.0']) {
    expect(await before(version)).toBe(kept);
    expect(await readFile(join(kept, 'temporal.db'), 'utf8')).toBe('runs of 1.32.1');
  }
  expect(told).toHaveLength(1);
});

it('a copy that was put back is no way back any more: an older build has gone on from it', async () => {
  await writtenBy('1.32.1');
  const kept = (await before('1.33.0')) ?? '';
  // The build before does not know of ways back, and leaves the note of it.
  await writtenBy('1.32.1');
  expect(await before('1.32.1')).toBeUndefined();
  await writeFile(join(folder, 'temporal.db'), 'more runs');
  expect(await before('1.33.0')).toBe(kept);
  expect(await readFile(join(kept, 'temporal.db'), 'utf8')).toBe('more runs');
  // One that somebody has removed.
  await writtenBy('1.33.0');
  await rm(kept, { recursive: true });
  expect(await before('1.33.0')).toBeUndefined();
});

it('two copies are kept, and one that has no room is not begun', async () => {
  await beside(async (client) => {
    for (const first of ['20260101000000_one', '20260202000000_two', '20260303000000_three'])
      await copyBefore(client, name(), first, () => Promise.resolve());
    expect(await copies(client)).toEqual([`${name()}_before_20260202000000`, `${name()}_before_20260303000000`]);
  });
  expect((await withClient(database.url, (client) => copySize(client, 1_000))).isRoom).toBe(false);
});
