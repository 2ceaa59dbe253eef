import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/program.js';
import { copyBefore, markAsCopy, standingHalts } from '../../db/copies.js';
import { migrate } from '../../db/migrate.js';
import { freePort } from '../../test/support/free-port.js';
import { copyBeforeNewerServer } from '../parts/copy.js';
import { withClient } from '../parts/database.js';
import { startPostgres } from '../postgres/server.js';
import { Steps } from '../screen/steps.js';
import { takeLock } from './lock.js';
import { homePaths, prepareHome, type HomePaths } from './paths.js';
import { listRestorable, restore } from './restore.js';

/** The server is started again and again, each time in a second or, on a busy machine, in ten. */
const LONG = { timeout: 300_000 };
const NOW = Date.UTC(2026, 10, 26, 12, 0, 0);
let folder: string;
let paths: HomePaths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-restore-'));
  // As root, the account that runs Postgres has to pass through.
  chmodSync(folder, 0o711);
  paths = homePaths(join(folder, 'home'));
  prepareHome(paths);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const yes = { now: () => NOW, confirm: () => Promise.resolve() };
/** The home's server, for as long as the work takes. */
async function onServer<T>(work: (at: (name: string) => string) => Promise<T>): Promise<T> {
  const server = await startPostgres({ home: paths.postgres, port: await freePort() });
  try {
    return await work((name) => Object.assign(new URL(server.url), { pathname: `/${name}` }).href);
  } finally {
    await server.stop();
  }
}
const people = (url: string): Promise<string[]> =>
  withClient(url, async (client) =>
    (await client.query<{ subject: string }>('select subject from people order by 1')).rows.map((row) => row.subject),
  );
const add = (url: string, person: string): Promise<unknown> =>
  withClient(url, (client) => client.query(`insert into people (subject, name, roles) values ($1, $1, '{viewer}')`, [person]));

/** A database that was copied before its newest migration, and has gone on since. @returns the name of the copy */
async function upgraded(): Promise<string> {
  return onServer(async (at) => {
    const row = await withClient(at('keelson'), async (client) => {
      await migrate(client);
      const { rows } = await client.query<{ row: { name: string } }>(
        'delete from schema_migrations m where name = (select max(name) from schema_migrations) returning to_jsonb(m) as row',
      );
      return rows[0]?.row ?? { name: '' };
    });
    await add(at('keelson'), 'before');
    await withClient(at('keelson'), (client) => client.query(`insert into audit_events (kind, data) values ('test', '{}')`));
    const mark = (draft: string): Promise<void> => withClient(at(draft), markAsCopy);
    const copy = await withClient(at('postgres'), (client) => copyBefore(client, 'keelson', row.name, mark));
    await withClient(at('keelson'), (client) =>
      client.query('insert into schema_migrations select * from jsonb_populate_record(null::schema_migrations, $1)', [row]),
    );
    await add(at('keelson'), 'since');
    await withClient(at('keelson'), (client) =>
      client.query(`insert into latches (scope, scope_value, reason, subject) values ('everything', '', 'a spread', 'rik')`),
    );
    writeFileSync(join(paths.temporal, 'temporal.db'), 'runs of now');
    return copy;
  });
}

describe('a database', () => {
  it(
    'is put in the place of what is there, which is kept; what is lost with it is said before; and it is refused while anything runs',
    LONG,
    async () => {
      const copy = await upgraded();
      expect(await listRestorable(paths)).toEqual({
        databases: [{ name: copy, ageMs: expect.any(Number) as number }],
        temporal: undefined,
      });
      const taken = takeLock(paths.lock);
      const locked = { failure: { code: 'INFRA_HOME_LOCKED' } };
      await expect(restore(paths, { what: copy, ...yes })).rejects.toMatchObject(locked);
      await expect(listRestorable(paths)).rejects.toMatchObject(locked);
      if (taken.held) taken.lock.release();

      // One that does not say that it is a copy, one that is not there, and a no: nothing is changed.
      await onServer((at) =>
        withClient(at('postgres'), (client) => client.query(`create database keelson_before_20270101000000 template keelson`)),
      );
      const refused = (what: string, detail: string): Promise<void> =>
        expect(restore(paths, { what, ...yes })).rejects.toMatchObject({
          failure: { code: 'INFRA_RESTORE', values: { detail: expect.stringContaining(detail) as string } },
        });
      await refused('keelson_before_20270101000000', 'not say of itself');
      await refused('postgres', copy);
      const no = () => Promise.reject(new Error('no'));
      await expect(restore(paths, { what: copy, ...yes, confirm: no })).rejects.toThrow('no');
      expect(readFileSync(join(paths.temporal, 'temporal.db'), 'utf8')).toBe('runs of now');
      expect(existsSync(paths.replaced)).toBe(false);
      // Nothing is left running by any of it.
      const again = takeLock(paths.lock);
      expect(again.held).toBe(true);
      if (again.held) again.lock.release();

      const { plan, kept } = await restore(paths, { what: copy, ...yes });
      expect(plan).toMatchObject({ kind: 'database', copy, halts: ['everything, called by rik: a spread'] });
      expect(plan.kind === 'database' && plan.content).toMatchObject({
        tables: expect.any(Number) as number,
        lastTime: expect.any(Number) as number,
      });
      const temporal = join(paths.replaced, '20261126120000', 'temporal');
      expect(kept).toEqual(['database keelson_replaced_20261126120000', temporal]);
      expect(readFileSync(join(temporal, 'temporal.db'), 'utf8')).toBe('runs of now');
      expect(existsSync(paths.temporal)).toBe(false);
      const [there, before, told, halts] = await onServer(async (at) => [
        await people(at('keelson')),
        await people(at('keelson_replaced_20261126120000')),
        // P31: the build that is started over it knows that this is a restore.
        await withClient(
          at('keelson'),
          async (client) => (await client.query<{ told: string }>('select check_instance_identity() as told')).rows[0]?.told,
        ),
        await withClient(at('keelson'), standingHalts),
      ]);
      // P31: everything is halted, and the halt that was called since the copy is not lost.
      expect(halts).toMatchObject([
        { scope: 'everything', subject: 'rik', reason: expect.stringMatching(/^a spread; .*restore: /) as string },
      ]);
      expect([there.includes('before'), there.includes('since'), before.includes('since'), told]).toEqual([true, false, true, 'changed']);
    },
  );

  it('that is not there is not made', async () => {
    expect(await listRestorable(paths)).toEqual({ databases: [], temporal: undefined });
    await expect(restore(paths, { what: 'keelson_before_1', ...yes })).rejects.toMatchObject({ failure: { code: 'INFRA_RESTORE' } });
    expect(existsSync(join(paths.postgres, 'data'))).toBe(false);
  });
});

describe('Temporal’s file', () => {
  const file = (): string => join(paths.temporal, 'temporal.db');
  const writtenBy = (version: string, content: string): void => {
    writeFileSync(file(), content);
    writeFileSync(`${file()}.server.json`, JSON.stringify({ version }));
  };
  const copied = async (): Promise<string> => {
    const steps = new Steps({ show: () => undefined }, () => NOW);
    return (await copyBeforeNewerServer({ steps, paths }, { dbFile: file(), version: '1.33.0' })) ?? '';
  };
  /** `keelson restore …`, as a person types it. */
  const keelson = async (line: readonly string[], answer?: string, env: Record<string, string> = {}) => {
    const result = { exitCode: 0, out: '', error: '', asked: '' };
    result.exitCode = await runCommandLine(['restore', ...line], {
      env: { KEELSON_HOME: paths.home, ...env },
      root: folder,
      now: () => NOW,
      newId: () => 'id',
      ...(answer === undefined ? {} : { ask: async (question: string) => ((result.asked = question), answer) }),
      out: (text) => void (result.out += text),
      error: (text) => void (result.error += text),
    });
    return result;
  };

  it('goes back to what it was before a newer server opened it, with all that lies beside it, and the other is kept', async () => {
    writtenBy('1.32.1', 'SQLite format 3\u0000 as it was');
    const copy = await copied();
    expect(await keelson(['temporal'])).toMatchObject({ exitCode: 1, error: expect.stringContaining('INFRA_RESTORE') as string });
    writtenBy('1.33.0', 'SQLite format 3\u0000 migrated');
    writeFileSync(`${file()}-wal`, 'of the newer');
    expect((await keelson([])).out).toBe(`temporal  (${copy})\nGo back to one: keelson restore <copy>\n`);
    expect((await keelson(['temporal'])).exitCode).toBe(2);
    expect(await keelson(['temporal'], 'no')).toMatchObject({ exitCode: 1, error: 'Nothing was restored.\n' });
    expect(readFileSync(file(), 'utf8')).toContain('migrated');
    const done = await keelson(['temporal'], 'yes');
    expect(done).toMatchObject({ exitCode: 0, asked: expect.stringContaining('for the build that ran server 1.32.1') as string });
    expect(readFileSync(file(), 'utf8')).toContain('as it was');
    expect(
      readdirSync(paths.temporal)
        .filter((name) => name.startsWith('temporal.db'))
        .toSorted(),
    ).toEqual(['temporal.db', 'temporal.db.server.json']);
    const kept = join(paths.replaced, '20261126120000', 'temporal');
    expect(readdirSync(kept).toSorted()).toEqual(['temporal.db', 'temporal.db-wal', 'temporal.db.server.json']);
    // It is back: there is no other way back.
    expect((await keelson([])).out).toBe('There is no copy to go back to.\n');
  });

  it('a copy that is no database file takes the place of nothing', async () => {
    writtenBy('1.32.1', 'cut');
    await copied();
    writtenBy('1.33.0', 'SQLite format 3\u0000 migrated');
    await expect(restore(paths, { what: 'temporal', ...yes })).rejects.toMatchObject({
      failure: { code: 'INFRA_RESTORE', values: { detail: expect.stringContaining('no database file') as string } },
    });
    expect(readFileSync(file(), 'utf8')).toContain('migrated');
  });

  it('a database of one’s own is nobody else’s to restore', async () => {
    mkdirSync(paths.postgres, { recursive: true });
    const { exitCode, error } = await keelson(['keelson_before_1'], 'yes', { DATABASE_URL: 'postgres://127.0.0.1:1/x' });
    expect({ exitCode, error }).toMatchObject({ exitCode: 2, error: expect.stringContaining('a database of your own') as string });
  });
});
