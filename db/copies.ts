import type pg from 'pg';
import type { CopyFacts } from '../core/checks/facts.js';

/** Copies of a database from before upgrades, beside it in the same server. */
const PREFIX = '_before_';
/** So many are kept: of the upgrade that is about to be, and of the one before. */
const MOST_COPIES = 2;
/** A build from before halts by people heeds a latch all the same. */
const LATCH_OF_EARLY_BUILDS = `with latched as (
    insert into latches (scope, scope_value, account, reason, subject)
    select p->>'scope', p->>'scopeValue', p->>'account', p->>'reason', p->>'subject' from (select $1::jsonb as p) given)
  update control set version = version + 1`;
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
 * so that every account starts halted and is compared.
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

/** A halt that stands. */
export interface StandingHalt {
  readonly latchId: string;
  readonly scope: string;
  /** Empty for everything. */
  readonly scopeValue: string;
  readonly account: string | null;
  readonly reason: string;
  readonly subject: string;
  readonly policy: string;
}

/** The halts that stand in a database, the oldest first. */
export async function standingHalts(client: Pick<pg.ClientBase, 'query'>): Promise<readonly StandingHalt[]> {
  // By their JSON: a database of an early build has not every column.
  const { rows } = await client.query<StandingHalt>(
    `select latch_id::text as "latchId", scope, scope_value as "scopeValue", account, reason, subject,
      coalesce(to_jsonb(l)->>'policy', 'none') as policy from latches l where released_at is null order by engaged_at, latch_id`,
  );
  return rows;
}

/**
 * Halts everything in a copy before it takes the place of its original (P31), also for a build that would only pause it, and brings the
 * halts that stand in the original. One of an account that the copy has not yet is over that account as a whole.
 */
export async function haltCopy(copy: pg.ClientBase, standing: readonly StandingHalt[]): Promise<void> {
  const restored = {
    scope: 'everything',
    scopeValue: '',
    account: null,
    reason: 'restore: this is a copy from before an upgrade, and what was done since is not in it',
    subject: 'restore',
    policy: 'none',
  };
  const { rows } = await copy.query<{ accounts: string[]; engages: boolean }>(
    `select coalesce(array_agg(account), '{}') as accounts, to_regprocedure('engage_latch(jsonb)') is not null as engages from accounts`,
  );
  const { accounts = [], engages = false } = rows[0] ?? {};
  await copy.query('begin');
  try {
    for (const { scope, scopeValue, account, reason, subject, policy } of [...standing, restored]) {
      const isKnown = account === null || accounts.includes(account);
      const of = isKnown ? { scope, scopeValue, account } : { scope: 'account', scopeValue: account, account: null };
      await copy.query(engages ? 'select engage_latch($1)' : LATCH_OF_EARLY_BUILDS, [{ ...of, reason, subject, policy, by: 'restore' }]);
    }
    await copy.query('commit');
  } catch (error) {
    await copy.query('rollback');
    throw error;
  }
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
