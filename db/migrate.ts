import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { KeelsonError } from '../core/errors.js';

/** One file of `db/migrations`: a UTC stamp of 14 digits gives the order, the checksum says whether it was edited. */
export interface Migration {
  /** File name without `.sql`, for instance 20261123021500_orders. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, hexadecimal. */
  readonly checksum: string;
}

export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
}

const FILE_NAME = /^(\d{14}_[a-z0-9_]+)\.sql$/;
/** Any constant of our own: it keeps two starting processes from migrating at once. */
const LOCK_KEY = 7_230_114_090;

/** Reads the migrations of a folder in the order of their stamps. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  const migrations: Migration[] = [];
  for (const file of files) {
    const name = FILE_NAME.exec(file)?.[1];
    if (name === undefined) throw new Error(`${join(folder, file)}: a migration is named <14 digits UTC>_<name>.sql`);
    const sql = await readFile(join(folder, file), 'utf8');
    migrations.push({ name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
  }
  return migrations;
}

/** `db/migrations` of this checkout, whether this runs from the sources or from `dist/`. */
export function migrationsFolder(from = fileURLToPath(import.meta.url)): string {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, 'db', 'migrations');
    if (folder === dirname(folder)) throw new Error(`There is no package.json above ${from}.`);
  }
}

/**
 * What is still to be applied. Throws when a file was edited after it was applied, when the database knows a migration
 * that this build does not, and when a new file's stamp lies before one that was applied.
 */
export function pendingMigrations(migrations: readonly Migration[], applied: readonly AppliedMigration[], address: string): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum } of applied) {
    const file = known.get(name);
    if (file === undefined) {
      const detail = `it has the migration ${name}, which this build does not know: the database is newer. Run the newer build, or restore a backup made by this one`;
      throw new KeelsonError('CONFIG_DATABASE', { address, detail });
    }
    if (file.checksum !== checksum) throw new KeelsonError('CONFIG_MIGRATION_EDITED', { name });
  }
  const done = new Set(applied.map(({ name }) => name));
  const pending = migrations.filter(({ name }) => !done.has(name));
  const latest = applied
    .map(({ name }) => name)
    .sort()
    .at(-1);
  const late = pending.find(({ name }) => latest !== undefined && name < latest);
  if (late !== undefined) {
    const detail = `the migration ${late.name} is older than ${latest}, which was already applied. Give it a newer stamp`;
    throw new KeelsonError('CONFIG_DATABASE', { address, detail });
  }
  return pending;
}

/**
 * What `migrate` would apply now. Changes nothing.
 *
 * @returns `isNew`: nothing was ever applied, there is nothing to lose
 */
export async function readPending(
  client: pg.ClientBase,
  folder = migrationsFolder(),
): Promise<{ readonly names: readonly string[]; readonly isNew: boolean }> {
  const migrations = await readMigrations(folder);
  const known = await client.query<{ is: boolean }>(`select to_regclass('schema_migrations') is not null as is`);
  const applied = known.rows[0]?.is === true ? await appliedTo(client) : [];
  const pending = pendingMigrations(migrations, applied, await nameOf(client));
  return { names: pending.map(({ name }) => name), isNew: applied.length === 0 };
}

const appliedTo = async (client: pg.ClientBase): Promise<readonly AppliedMigration[]> =>
  (await client.query<AppliedMigration>('select name, checksum from schema_migrations')).rows;

const nameOf = async (client: pg.ClientBase): Promise<string> =>
  (await client.query<{ name: string }>('select current_database() as name')).rows[0]?.name ?? '';

/**
 * Brings the database up to this build: each migration in a transaction of its own, together with its row in
 * `schema_migrations`, all under an advisory lock.
 *
 * @param client one connection of its own: the lock belongs to the session
 * @returns the names applied now
 */
export async function migrate(client: pg.ClientBase, folder = migrationsFolder()): Promise<string[]> {
  const migrations = await readMigrations(folder);
  await client.query('select pg_advisory_lock($1)', [LOCK_KEY]);
  try {
    await client.query(`create table if not exists schema_migrations (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
    const pending = pendingMigrations(migrations, await appliedTo(client), await nameOf(client));
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]);
  }
}

/** Migrations of this build that the database does not have. */
export async function missingMigrations(pool: Pick<pg.Pool, 'query'>, folder = migrationsFolder()): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>('select name from schema_migrations');
  const applied = new Set(rows.map(({ name }) => name));
  return (await readMigrations(folder)).map(({ name }) => name).filter((name) => !applied.has(name));
}

async function apply(client: pg.ClientBase, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [name, checksum]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    const detail = `migration ${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new KeelsonError('CONFIG_DATABASE', { address: 'its schema', detail }, { cause });
  }
}
