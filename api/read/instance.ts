import type { ChatFacts } from '../../core/checks/facts.js';
import { epochMs, type Database } from './database.js';

export interface InstanceRow {
  readonly id: string;
  readonly epoch: number;
  readonly postgres: string;
  /** Whether a restore would be seen (P31). */
  readonly tells_identity: boolean;
  /** Name of the last migration applied; null for a database without any. */
  readonly migration: string | null;
}

/** Which instance this is, and what its database is. */
export async function readInstance(database: Database): Promise<InstanceRow> {
  const { rows } = await database.query<InstanceRow>(
    `select instance_id::text as id, epoch,
            coalesce(system_identifier <> 'not told' and timeline <> 0, true) as tells_identity, current_setting('server_version') as postgres,
            (select max(name) from schema_migrations) as migration
       from instance`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the table instance has no row');
  return row;
}

export interface WaitingGuardian {
  readonly guardian: string;
  readonly since: number;
}

/** Guardians that live and are without Temporal: they watch, halt and tell, and nothing else. */
export async function readWaitingGuardians(database: Database): Promise<WaitingGuardian[]> {
  const { rows } = await database.query<{ guardian: string; since: string }>(
    `select guardian, ${epochMs('since')} as since from guardians_without_temporal
      where abs(extract(epoch from clock_timestamp() - seen_at)) <= 30 order by guardian`,
  );
  return rows.map(({ guardian, since }) => ({ guardian, since: Number(since) }));
}

/** How the chat is read in which people halt. */
export async function readChat(database: Database): Promise<ChatFacts> {
  const { rows } = await database.query<{ answer: ChatFacts }>('select read_chat() as answer');
  const [row] = rows;
  if (row === undefined) throw new Error('read_chat gave no answer');
  return row.answer;
}
