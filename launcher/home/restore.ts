import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CopyFacts } from '../../core/checks/facts.js';
import { KeelsonError } from '../../core/errors.js';
import { examineCopy, haltCopy, putInPlace, readCopies, standingHalts, type CopyContent, type StandingHalt } from '../../db/copies.js';
import { wayBack } from '../parts/copy.js';
import { withClient } from '../parts/database.js';
import { PortChooser } from '../ports/choose.js';
import { startPostgres } from '../postgres/server.js';
import { versionThatWrote } from '../temporal/start.js';
import { alone, assertNothingRuns, postgresData } from './alone.js';
import type { HomePaths } from './paths.js';

/** What there is to go back to. */
export interface Restorable {
  readonly databases: readonly CopyFacts[];
  /** The folder with Temporal's file as it was before a newer server opened it, as long as no worker has run on that. */
  readonly temporal: string | undefined;
}

/** What is about to happen, for whoever has to say yes. */
export type RestorePlan =
  | {
      readonly kind: 'database';
      readonly copy: string;
      readonly content: CopyContent;
      /** Halts that stand now and are not in the copy, in words; they are called there, too. Undefined: what is there now could not be read. */
      readonly halts: readonly string[] | undefined;
    }
  | { readonly kind: 'temporal'; readonly copy: string; readonly version: string };

export interface Restored {
  readonly plan: RestorePlan;
  /** Where what was there before is now: a database, a folder. */
  readonly kept: readonly string[];
}

export interface RestoreOptions {
  /** The name of a database's copy, or `temporal`. */
  readonly what: string;
  readonly now: () => number;
  /** @throws whatever it is that ends it, with nothing changed */
  readonly confirm: (plan: RestorePlan) => Promise<void>;
}

const DB_FILE = 'temporal.db';
const SQLITE = 'SQLite format 3';

/** @throws KeelsonError INFRA_HOME_LOCKED, INFRA_RESTORE */
export async function listRestorable(paths: HomePaths): Promise<Restorable> {
  if (!existsSync(paths.home)) return { databases: [], temporal: undefined };
  assertNothingRuns(paths);
  return alone(paths, async () => ({
    databases: (await hasDatabase(paths)) ? await withPostgres(paths, ({ url }) => withClient(url, readCopies)) : [],
    temporal: await temporalCopy(paths),
  }));
}

/**
 * Puts a copy from before an upgrade in the place of what is there. What it takes the place of is kept, and nothing is changed before the copy
 * was read to its end.
 *
 * @throws KeelsonError INFRA_HOME_LOCKED while anything runs, INFRA_RESTORE where the copy is not one, or is not whole
 */
export async function restore(paths: HomePaths, options: RestoreOptions): Promise<Restored> {
  assertNothingRuns(paths);
  if (!existsSync(paths.home)) throw notRestored(options.what, `there is nothing in ${paths.home}`);
  return alone(paths, () => (options.what === 'temporal' ? restoreTemporal(paths, options) : restoreDatabase(paths, options)));
}

async function restoreDatabase(paths: HomePaths, { what, now, confirm }: RestoreOptions): Promise<Restored> {
  if (!(await hasDatabase(paths))) throw notRestored(what, `${paths.home} has no database`);
  return withPostgres(paths, async ({ url, at }) => {
    const copies = await withClient(url, readCopies);
    if (!copies.some(({ name }) => name === what))
      throw notRestored(what, `there is no such copy (there are ${copies.map(({ name }) => name).join(', ') || 'none'})`);
    const { content, standing } = await withClient(at(what), async (copy) => ({
      content: await examineCopy(copy, what),
      standing: await standingHalts(copy),
    })).catch((cause: unknown) => {
      throw notRestored(what, `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
    });
    // What is there now may be what makes somebody go back.
    const halts = await withClient(url, standingHalts).catch(() => undefined);
    const known = new Set(standing.map(({ latchId }) => latchId));
    const missing = halts?.filter(({ latchId }) => !known.has(latchId)).map(haltText);
    const plan = { kind: 'database', copy: what, content, halts: missing } as const;
    await confirm(plan);
    // P31, and before the copy is the database: whoever is interrupted here has a copy with a halt more.
    await withClient(at(what), (copy) => haltCopy(copy, halts ?? []));
    const stamp = stampOf(now());
    // Before the database: an empty Temporal beside a newer ledger is a start like another, and a full one beside an older ledger is none.
    const folder = join(paths.replaced, stamp);
    const hadTemporal = existsSync(paths.temporal);
    if (hadTemporal) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rename(paths.temporal, join(folder, 'temporal'));
    }
    const database = basename(new URL(url).pathname);
    const kept = `${database}_replaced_${stamp}`;
    await withClient(at('postgres'), (client) => putInPlace(client, what, database, kept)).catch(async (cause: unknown) => {
      if (hadTemporal) await rename(join(folder, 'temporal'), paths.temporal);
      throw notRestored(what, cause instanceof Error ? cause.message : String(cause), cause);
    });
    return { plan, kept: [`database ${kept}`, ...(hadTemporal ? [join(folder, 'temporal')] : [])] };
  });
}

/** Temporal's file as it was before a newer server opened it, so that the build before can go on with it. */
async function restoreTemporal(paths: HomePaths, { what, now, confirm }: RestoreOptions): Promise<Restored> {
  const copy = await temporalCopy(paths);
  const version = copy === undefined ? undefined : await versionThatWrote(join(copy, DB_FILE));
  if (copy === undefined || version === undefined)
    throw notRestored(what, 'no newer server has opened its file, or workers have run since: what has happened on it is in no copy');
  if (!(await isWhole(join(copy, DB_FILE)))) throw notRestored(what, `${join(copy, DB_FILE)} is no database file`);
  const plan = { kind: 'temporal', copy, version } as const;
  await confirm(plan);
  // The copy stays where it is; what takes the place is whole before anything is put aside.
  const draft = join(paths.temporal, 'restore.draft');
  await rm(draft, { recursive: true, force: true });
  await cp(copy, draft, { recursive: true });
  const kept = join(paths.replaced, stampOf(now()), 'temporal');
  await mkdir(kept, { recursive: true, mode: 0o700 });
  for (const name of await filesOf(paths.temporal)) await rename(join(paths.temporal, name), join(kept, name));
  for (const name of await filesOf(draft)) await rename(join(draft, name), join(paths.temporal, name));
  await rm(draft, { recursive: true, force: true });
  return { plan, kept: [kept] };
}

const filesOf = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith(DB_FILE));

async function temporalCopy({ temporal }: HomePaths): Promise<string | undefined> {
  return wayBack(temporal, await versionThatWrote(join(temporal, DB_FILE)));
}

async function isWhole(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SQLITE.length), 0, SQLITE.length, 0);
    return buffer.subarray(0, bytesRead).toString() === SQLITE;
  } finally {
    await handle.close();
  }
}

async function hasDatabase(paths: HomePaths): Promise<boolean> {
  return existsSync(join(await postgresData(paths), 'PG_VERSION'));
}

/** The home's own server, for as long as the work takes. */
async function withPostgres<T>(
  paths: HomePaths,
  work: (server: { readonly url: string; readonly at: (database: string) => string }) => Promise<T>,
): Promise<T> {
  const { port } = await new PortChooser(paths.home).choose('Postgres', 0);
  const server = await startPostgres({ home: paths.postgres, port });
  try {
    const { url } = server;
    return await work({ url, at: (database) => Object.assign(new URL(url), { pathname: `/${database}` }).href });
  } finally {
    await server.stop();
  }
}

function haltText({ scope, scopeValue, account, subject, reason }: StandingHalt): string {
  const what = [scope, scopeValue, account === null ? '' : `in ${account}`].filter((part) => part !== '').join(' ');
  return `${what}, called by ${subject}: ${reason}`;
}

const stampOf = (now: number): string => new Date(now).toISOString().replaceAll(/\D/g, '').slice(0, 14);

const notRestored = (what: string, detail: string, cause?: unknown): KeelsonError =>
  new KeelsonError('INFRA_RESTORE', { what, detail }, { cause });
