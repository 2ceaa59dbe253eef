import { createHash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Role } from '../../core/people/roles.js';

/** Gives a person of the tests a key; only its hash is stored, as always. @returns the key's id. */
export async function seedKey(pool: pg.Pool, subject: string, key: string = randomUUID(), label = subject): Promise<string> {
  const { rows } = await pool.query<{ key_id: string }>(
    'insert into api_keys (subject, key_sha256, label) values ($1, $2, $3) returning key_id',
    [subject, createHash('sha256').update(key).digest(), label],
  );
  return rows[0]?.key_id ?? '';
}

/** A person with one key. @returns the key's id. */
export async function seedPerson(pool: pg.Pool, subject: string, roles: readonly Role[], key?: string): Promise<string> {
  await pool.query('insert into people (subject, name, roles) values ($1, $1, $2)', [subject, roles]);
  return seedKey(pool, subject, key);
}

/** The row that the API writes before a workflow hears of a command, under the newest key of its person. */
export async function seedCommand(
  pool: pg.Pool,
  command: {
    readonly account: string;
    readonly kind: 'pause' | 'resume';
    readonly subject: string;
    readonly holds?: boolean;
    /** Absent: as a pause that names none, and as what was asked of a build before it was told. */
    readonly expectedVersion?: string;
  },
): Promise<string> {
  const commandId = randomUUID();
  await pool.query(
    `insert into commands (command_id, account, kind, subject, key_id, reason, holds, expected_version)
       select $1, $2, $3, $4, (select key_id from api_keys where subject = $4 order by created_at desc limit 1), 'a test', $5, $6`,
    [commandId, command.account, command.kind, command.subject, command.holds ?? false, command.expectedVersion ?? null],
  );
  return commandId;
}

/** Rik asks for the end of a halt, and Olga approves that. @returns the request */
export async function approvedRearm(
  pool: pg.Pool,
  latchId: string,
  keys: { readonly rik: string; readonly olga: string },
  incidents: readonly string[] = [],
): Promise<string> {
  const requestId = randomUUID();
  await pool.query('select request_rearm($1)', [
    { requestId, latchId, reason: 'a test', incidents, subject: 'rik', underKey: keys.rik, validForMs: 600_000 },
  ]);
  const { rows } = await pool.query<{ answer: string }>(
    `select decide_approval(jsonb_build_object('requestId', request_id, 'payloadHash', encode(payload_sha256, 'hex'), 'subject', 'olga',
       'decision', 'approved', 'reason', 'seen', 'keyId', $2::text)) as answer from approval_requests where request_id = $1`,
    [requestId, keys.olga],
  );
  if (rows[0]?.answer !== 'written') throw new Error(`the approval is ${rows[0]?.answer ?? 'not asked for'}`);
  return requestId;
}
