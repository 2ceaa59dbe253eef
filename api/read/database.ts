import { Pool, type QueryResult, type QueryResultRow } from 'pg';

/** What the read models need of Postgres. */
export interface Database {
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
}

export interface OwnedDatabase extends Database {
  close(): Promise<void>;
}

/** A statement that reads the whole ledger of an account takes so long at most; it locks nothing that anything else waits for. */
const LONG_READ_MS = 120_000;

/** One connection for what reads the whole ledger of an account: whatever else is asked has connections of its own, and waits for none of it. */
export function openLongReads(url: string, onError: (error: Error) => void, limitMs = LONG_READ_MS): OwnedDatabase {
  return openDatabase(url, onError, 1, limitMs, limitMs);
}

/**
 * A few connections of the API's own. Times are read as numbers of milliseconds by `epochMs` in the statements, money as text.
 * A connection lost while idle is replaced at the next query; `onError` tells of it.
 */
export function openDatabase(url: string, onError: (error: Error) => void, max = 6, limitMs = 4_000, waitMs = 3_000): OwnedDatabase {
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: waitMs,
    query_timeout: limitMs + 1_000,
    statement_timeout: limitMs,
    application_name: 'keelson-api',
  });
  pool.on('error', onError);
  return {
    query: (sql, values = []) => pool.query(sql, [...values]),
    close: () => pool.end(),
  };
}

/** Whether a statement was ended for its time, or for how long it waited for a lock. */
export function isTooSlow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '57014' || error.code === '55P03');
}

/** SQL for a timestamptz as epoch milliseconds; it arrives as text, see `milliseconds`. */
export function epochMs(column: string): string {
  return `floor(extract(epoch from ${column}) * 1000)::text`;
}

/** SQL for money without trailing zeros. */
export function money(column: string): string {
  return `trim_scale(${column})::text`;
}

/** Reads a bigint column that holds milliseconds or a small count. */
export function whole(text: string): number {
  return Number(text);
}

export function wholeOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
