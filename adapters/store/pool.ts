import { Pool, type ClientBase, type PoolClient, type QueryResultRow } from 'pg';
import { KeelsonError } from '../../core/errors.js';
import { PROTOCOL } from '../../core/risk/limits.js';

/** SQLSTATEs after which the statement changed nothing and may be decided anew: ours, deadlock, serialization. */
const CONFLICT_STATES: ReadonlySet<string> = new Set(['KE001', 'KE002', '40P01', '40001']);

const CHECK_IDENTITY = 'select check_instance_identity()';
/** A statement of its own: the one that makes it another instance sees the one of before. */
const WHICH_INSTANCE = 'select instance_id, epoch from instance';
/** Longer than the server's limit, so that a slow statement is ended there, where it is known that nothing happened. */
const ANSWER_FACTOR = 3;

export interface PoolOptions {
  readonly max?: number;
  readonly applicationName: string;
  readonly statementTimeoutMs?: number;
  /** Statements on a lent connection are sent as they come, and wait for no answer of those before them: {@link onOneConnection}. */
  readonly pipelined?: boolean;
  /** It is another instance than on the pool's first connection (P31): no connection to it is given out, and the process has to begin anew. */
  readonly onReplaced?: (replaced: KeelsonError) => void;
}

/**
 * A pool whose connections cannot hold up a halt: a statement or an idle transaction lasts one second at most (P9); only
 * the halt itself may wait longer.
 * The migrations must have been applied. Numerics stay text: `pg` reads them so, and nothing here changes it.
 */
export function openPool(url: string, options: PoolOptions): Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? PROTOCOL.statementTimeoutMs;
  const verified = identified(options.onReplaced);
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 8,
    application_name: options.applicationName,
    pipeline: options.pipelined ?? false,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: PROTOCOL.statementTimeoutMs,
    // The server's own limit helps nobody when the server is stopped or the network swallows its answer: what waits here
    // would wait for ever, and everything queued behind it. The connection is given up with the statement.
    query_timeout: ANSWER_FACTOR * statementTimeoutMs,
    connectionTimeoutMillis: 3_000,
    keepAlive: true,
    // A signal an hour must not pay for a new connection, which costs more than its statements.
    idleTimeoutMillis: 0,
    // Whatever is behind the address now, perhaps a standby that took over without our last orders: accounts are paused
    // before the first statement, and what was authorised before cannot be sent.
    verify: (client, done) => {
      verified(client).then(() => done(), done);
    },
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}

function identified(onReplaced: PoolOptions['onReplaced']): (client: ClientBase) => Promise<void> {
  let first: string | undefined;
  return async (client) => {
    await client.query(CHECK_IDENTITY);
    if (onReplaced === undefined) return;
    const { rows } = await client.query<{ instance_id: string; epoch: number }>(WHICH_INSTANCE);
    const is = rows.map(({ instance_id, epoch }) => `${instance_id} ${epoch}`).join();
    first ??= is;
    if (is === first) return;
    const replaced = new KeelsonError('INFRA_INSTANCE_REPLACED', { was: first, is });
    onReplaced(replaced);
    throw replaced;
  };
}

export interface Statement {
  /** Prepared once for each connection under this name. */
  readonly name: string;
  readonly text: string;
}

/**
 * JSON as Postgres takes it. A text may hold what others wrote (a venue's refusal, cut in the middle of a character): NUL
 * and halves of characters would fail the statement at every try, so they are written as U+FFFD.
 */
export function jsonOf(value: object): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd') : part,
  );
}

/** Runs one statement in autocommit. @throws KeelsonError INFRA_DATABASE. */
export async function run<Row extends QueryResultRow>(
  pool: Pool | PoolClient,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await pool.query<Row>({ name: statement.name, text: statement.text, values: [...values] });
    return result.rows;
  } catch (error) {
    throw new KeelsonError('INFRA_DATABASE', { detail: describe(error) }, { cause: error });
  }
}

/** Lends one connection for statements that keep their order. It is given up where the work fails. @throws KeelsonError INFRA_DATABASE. */
export async function onOneConnection<T>(pool: Pool, work: (connection: PoolClient) => Promise<T>): Promise<T> {
  const connection = await pool.connect().catch((error: unknown) => {
    throw new KeelsonError('INFRA_DATABASE', { detail: describe(error) }, { cause: error });
  });
  let broken: Error | boolean = false;
  // What is under way on it fails by itself; without a listener the process would end.
  const noteBroken = (error: Error): void => void (broken = error);
  connection.on('error', noteBroken);
  try {
    return await work(connection);
  } catch (error) {
    broken ||= true;
    throw error;
  } finally {
    connection.off('error', noteBroken);
    connection.release(broken);
  }
}

/** Runs one statement, and again as often as it loses against another one: then it has changed nothing. @throws KeelsonError INFRA_DATABASE. */
export async function runAnew<Row extends QueryResultRow>(pool: Pool, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run<Row>(pool, statement, values);
    } catch (error) {
      if (!isConflict(error) || attempt >= PROTOCOL.compareAndSetAttempts) throw error;
    }
  }
}

/** True when the failed statement changed nothing and the decision may be made again. */
export function isConflict(error: unknown): boolean {
  return CONFLICT_STATES.has(stateOf(error instanceof KeelsonError ? error.cause : error) ?? '');
}

function stateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
