import type { Database } from './database.js';

export interface InstanceRow {
  readonly id: string;
  readonly epoch: number;
  readonly postgres: string;
  /** Name of the last migration applied; null for a database without any. */
  readonly migration: string | null;
}

/** Which instance this is, and what its database is. */
export async function readInstance(database: Database): Promise<InstanceRow> {
  const { rows } = await database.query<InstanceRow>(
    `select instance_id::text as id, epoch, current_setting('server_version') as postgres,
            (select max(name) from schema_migrations) as migration
       from instance`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the table instance has no row');
  return row;
}
