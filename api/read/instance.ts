import type { Database } from './database.js';

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
