import type pg from 'pg';
import type { CopyFacts } from '../core/checks/facts.js';

/** Copies of a database from before upgrades, beside it in the same server. */
const PREFIX = '_before_';
/** So many are kept: of the upgrade that is about to be, and of the one before. */
const MOST_COPIES = 2;
/** What has to be free beside a second copy of everything, bytes. */
const ROOM_LEFT = 256 * 1024 * 1024;

/** The copies of a database that are beside it, the newest first. Who may not see the server's files knows no age. */
export async function readCopies(database: Pick<pg.ClientBase, 'query'>): Promise<readonly CopyFacts[]> {
  // The right to look at a file is asked for as soon as a statement names it, whatever it would then look at.
  const mayLook = await database.query<{ may: boolean }>(`select has_function_privilege('pg_stat_file(text, boolean)', 'execute') as may`);
  const age = `(extract(epoch from clock_timestamp() - (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification) * 1000)::float8`;
  const { rows } = await database.query<CopyFacts>(
    String.raw`select datname as name, ${mayLook.rows[0]?.may === true ? age : 'null::float8'} as "ageMs"
      from pg_database where datname like replace(current_database(), '_', '\_') || '\_before\_%' and datname not like '%\_draft'
      order by datname desc`,
  );
  return rows;
}

/** What a copy would take, and whether the disk has it. */
export interface CopySize {
  readonly bytes: number;
  readonly isRoom: boolean;
}

export async function copySize(client: pg.ClientBase, freeBytes: number): Promise<CopySize> {
  const { rows } = await client.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  const bytes = Number(rows[0]?.bytes ?? 0);
  return { bytes, isRoom: freeBytes > bytes + ROOM_LEFT };
}

/**
 * Copies a database as it is, under a name that says before which migration, in place of an earlier copy of that name; of others the
 * newest stay. Nobody may be connected to it.
 *
 * @param client of another database of the same server
 * @param first the first migration that is to come
 * @param mark what is done to the copy before it has its name
 * @returns the copy's name
 */
export async function copyBefore(
  client: pg.ClientBase,
  database: string,
  first: string,
  mark: (draft: string) => Promise<void>,
): Promise<string> {
  const stamp = first.slice(0, 14);
  const copy = `${database}${PREFIX}${stamp}`;
  const quoted = (name: string): string => client.escapeIdentifier(name);
  // Under another name until it is whole: a copy that was broken off is none.
  const draft = `${copy}_draft`;
  await client.query(`drop database if exists ${quoted(draft)}`);
  await client.query(`create database ${quoted(draft)} template ${quoted(database)} strategy file_copy`);
  await mark(draft);
  await client.query(`drop database if exists ${quoted(copy)}`);
  await client.query(`alter database ${quoted(draft)} rename to ${quoted(copy)}`);
  const { rows } = await client.query<{ datname: string }>(
    String.raw`select datname from pg_database where datname like $1 || '\_before\_%' and datname not like '%\_draft' order by datname desc`,
    [database.replaceAll('_', String.raw`\_`)],
  );
  for (const { datname } of rows.slice(MOST_COPIES)) await client.query(`drop database ${quoted(datname)}`);
  return copy;
}

/**
 * A copy that is ever put in the place of its original is a restore (P31), and has to look like one to every build: its epoch is the
 * next, its orders get other client order ids than those that the original has used since, and its server is not the one that it knows,
 * so that every account starts paused and is compared.
 */
export async function markAsCopy(client: pg.ClientBase): Promise<void> {
  await client.query(`update instance set instance_id = gen_random_uuid(), epoch = epoch + 1, system_identifier = 'a copy'`);
}

/** What a copy holds, for whoever decides whether to go back to it. */
export interface CopyContent {
  readonly tables: number;
  readonly rows: number;
  /** Of the last thing that was recorded in it, epoch ms; null: nothing was. */
  readonly lastTime: number | null;
}

/**
 * Reads a copy from its first row to its last: one that is cut or broken is found before anything is put aside for it.
 *
 * @param copy a client of it
 * @param name its name, which says before which migration it was made
 * @throws Error with what is wrong with it
 */
export async function examineCopy(copy: pg.ClientBase, name: string): Promise<CopyContent> {
  const { rows: of } = await copy.query<{ system_identifier: string; newest: string }>(
    'select system_identifier, (select max(name) from schema_migrations) as newest from instance',
  );
  const [self] = of;
  if (self?.system_identifier !== 'a copy') throw new Error('it does not say of itself that it is a copy');
  if (self.newest.slice(0, 14) >= name.slice(name.indexOf(PREFIX) + PREFIX.length))
    throw new Error(`it was migrated on, to ${self.newest}`);
  const { rows: tables } = await copy.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  let rows = 0;
  for (const table of tables) {
    const counted = await copy.query<{ count: string }>(`select count(t::text) as count from ${copy.escapeIdentifier(table.name)} t`);
    rows += Number(counted.rows[0]?.count ?? 0);
  }
  const last = await copy.query<{ ms: number | null }>(
    'select (extract(epoch from max(occurred_at)) * 1000)::float8 as ms from audit_events',
  );
  return { tables: tables.length, rows, lastTime: last.rows[0]?.ms ?? null };
}

/**
 * Puts a copy in the place of its original, which stays under another name: both or neither.
 *
 * @param client of another database of the same server; nobody may be connected to the two
 */
export async function putInPlace(client: pg.ClientBase, copy: string, database: string, kept: string): Promise<void> {
  const quoted = (name: string): string => client.escapeIdentifier(name);
  await client.query('begin');
  try {
    await client.query(`alter database ${quoted(database)} rename to ${quoted(kept)}`);
    await client.query(`alter database ${quoted(copy)} rename to ${quoted(database)}`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
