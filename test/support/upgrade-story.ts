import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { homePaths } from '../../launcher/home/paths.js';
import { startPostgres } from '../../launcher/postgres/server.js';
import { compareBooks, pauseAndSettle, type Comparison } from './books.js';
import { freePort } from './free-port.js';
import { ROOT, RunningKeelson, type StartEvent } from './running-keelson.js';
import { startConfig, type StartConfig } from './start-config.js';

const run = promisify(execFile);
/** An older build may have to be compiled first. */
const READY_LIMIT_MS = 600_000;
const FILL_LIMIT_MS = 300_000;
/** What the new build has to say of the home that it finds. */
const STEPS = ['copy', 'replay', 'database'];

/** An order that had not ended, as the ledger has it while nothing runs. */
export interface OpenOrder {
  readonly clientOrderId: string;
  readonly purpose: string;
  readonly status: string;
  readonly instrument: string;
}

/** What was entered first, and the comparisons between that and a moment before it that were clean: why each was made. */
export interface FirstEntry {
  readonly intentId: string;
  readonly cleanBefore: readonly string[];
}

export interface Upgrade extends Comparison {
  /** What the new build has said of copy, replay and migrations. */
  readonly steps: readonly string[];
  readonly fillsBefore: number;
  readonly fillsAfter: number;
  /** Changes of mode that neither a start nor the test has asked for. */
  readonly modes: readonly StartEvent[];
  /** Of the new build, and what it had compared before. */
  readonly firstEntry: FirstEntry | undefined;
  /** Between the two builds. */
  readonly open: readonly OpenOrder[];
  /** Of those, what they have come to when all was settled. */
  readonly ended: readonly (OpenOrder & { readonly isOver: boolean })[];
  readonly migrations: { readonly before: number; readonly after: number };
}

export interface UpgradeWish {
  /** The commit that trades first. */
  readonly from: string;
  readonly change?: (config: StartConfig) => void;
  /** Comes back when the older build may be stopped. */
  readonly until: (older: RunningKeelson, read: Read) => Promise<void>;
  /** How long orders may take to end after the pause at the end. */
  readonly settleMs?: number;
}
/** A GET of the running build's API. */
export type Read = <T>(path: string) => Promise<T>;

/** The start-up takes an account into observation and lets it trade: that is as it should be. */
export const isModeOfOthers = ({ event, ...data }: StartEvent): boolean => event === 'mode' && data['by'] !== 'startUp';
/** An order to open is authorised with its signal. */
const isEntrySince =
  (since: number) =>
  (event: StartEvent): boolean =>
    event.event === 'signal' && event['leg'] === 'open' && event['traded'] === true && event.time > since;
export const fillsOf = (keelson: RunningKeelson): number => keelson.events.filter(({ event }) => event === 'fill').length;

/** Whether this clone has it: a shallow one has not. */
export async function hasCommit(commit: string): Promise<boolean> {
  return run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT }).then(
    () => true,
    () => false,
  );
}

/** Whether this build has migrations that it lacks: none right after it was released. */
export async function lacksMigrations(commit: string): Promise<boolean> {
  return run('git', ['diff', '--quiet', commit, '--', 'db/migrations'], { cwd: ROOT }).then(
    () => false,
    () => true,
  );
}

/**
 * An earlier commit trades in a home of its own, and is stopped in the middle of it; then this build is started over the same home, with
 * the configuration of then, and goes on until it has a fill of its own.
 */
export async function upgradeFrom({ from, change, until, settleMs }: UpgradeWish): Promise<Upgrade> {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-upgrade-'));
  // As root, the account that runs Postgres has to pass through.
  chmodSync(folder, 0o711);
  const [tree, home, config] = [join(folder, 'tree'), join(folder, 'home'), join(folder, 'keelson.config.json')];
  const running: RunningKeelson[] = [];
  const start = async (root: string): Promise<RunningKeelson> => {
    const keelson = new RunningKeelson(home, config, [], { root });
    running.push(keelson);
    await keelson.waitFor('ready', ({ event }) => event === 'ready', READY_LIMIT_MS);
    return keelson;
  };
  try {
    await run('git', ['worktree', 'add', '--detach', tree, from], { cwd: ROOT });
    await run('cp', ['-al', join(ROOT, 'node_modules'), tree]);
    writeFileSync(config, startConfig(change, tree));
    const older = await start(tree);
    await until(older, readerOf(home));
    await older.end('SIGTERM');
    const between = Date.now();
    const before = await atRest(home, between);

    const newer = await start(ROOT);
    await newer.waitFor('a fill', ({ event }) => event === 'fill', FILL_LIMIT_MS);
    // The fill may be of an order of the older build.
    await newer.waitFor('an entry of its own', isEntrySince(between), FILL_LIMIT_MS);
    const modes = newer.events.filter(isModeOfOthers);
    const told = newer.events.filter(
      ({ event, ...data }) => event === 'step' && data['state'] === 'done' && STEPS.includes(String(data['step'])),
    );
    await pauseAndSettle(home, newer, settleMs);
    await newer.end('SIGTERM');
    const after = await atRest(home, between);
    return {
      ...{ steps: told.map((event) => String(event['message'])), fillsBefore: fillsOf(older), fillsAfter: fillsOf(newer), modes },
      firstEntry: after.firstEntry,
      open: before.orders.filter(({ isOver }) => !isOver),
      ended: before.orders.flatMap(({ clientOrderId, isOver }) =>
        isOver ? [] : after.orders.filter((one) => one.clientOrderId === clientOrderId),
      ),
      migrations: { before: before.migrations, after: after.migrations },
      ...(await compareBooks(home)),
    };
  } finally {
    await Promise.all(running.map((keelson) => keelson.end('SIGTERM')));
    await run('git', ['worktree', 'remove', '--force', tree], { cwd: ROOT }).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}

function readerOf(home: string): Read {
  return async <T>(path: string): Promise<T> => {
    const { addresses } = JSON.parse(readFileSync(homePaths(home).runFile, 'utf8')) as { addresses: { api: string } };
    const headers = { authorization: `Bearer ${readFileSync(homePaths(home).ownerKey, 'utf8').trim()}` };
    return (await (await fetch(new URL(path, addresses.api), { headers })).json()) as T;
  };
}

interface AtRest {
  readonly orders: Upgrade['ended'];
  readonly migrations: number;
  readonly firstEntry: FirstEntry | undefined;
}

/** What the ledger of a stopped Keelson has. @param between the two builds */
async function atRest(home: string, between: number): Promise<AtRest> {
  const server = await startPostgres({ home: homePaths(home).postgres, port: await freePort() });
  const client = new pg.Client({ connectionString: server.url });
  try {
    await client.connect();
    // The first release knew no purpose: what opened was an entry, and what closed an exit.
    const orders = await client.query<AtRest['orders'][number]>(
      `select client_order_id as "clientOrderId", coalesce(to_jsonb(o)->>'purpose', case o.leg when 'open' then 'entry' else 'exit' end) as purpose,
         status, instrument, final_at is not null as "isOver" from orders o order by created_at`,
    );
    const migrations = await client.query<{ count: number }>('select count(*)::integer as count from schema_migrations');
    return { orders: orders.rows, migrations: migrations.rows[0]?.count ?? 0, firstEntry: await firstEntrySince(client, between) };
  } finally {
    await client.end();
    await server.stop();
  }
}

async function firstEntrySince(client: pg.Client, since: number): Promise<FirstEntry | undefined> {
  // The first releases knew no comparisons, and what they had entered is of before.
  const { rowCount } = await client.query(`select from information_schema.tables where table_name = 'reconciliation_runs'`);
  if (rowCount === 0) return undefined;
  const { rows } = await client.query<FirstEntry>(
    `select e.intent_id as "intentId", array(select r.scope from reconciliation_runs r where r.account = e.account and r.result = 'clean'
         and r.started_at > to_timestamp($1::numeric / 1000) and r.ended_at < e.created_at order by r.ended_at) as "cleanBefore"
       from orders e where purpose = 'entry' and status <> 'denied' and created_at > to_timestamp($1::numeric / 1000) order by created_at limit 1`,
    [since],
  );
  return rows[0];
}
