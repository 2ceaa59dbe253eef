import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate, migrationsFolder } from '../../db/migrate.js';
import { testDatabase } from './postgres.js';

/** A database as it was before one migration. */
export interface BeforeMigration {
  readonly client: pg.Client;
  /** Applies it. @returns what was applied. */
  migrate(): Promise<readonly string[]>;
  /** Applies it, and everything after it: the database is as the code of today wants it. */
  migrateAll(): Promise<void>;
  close(): Promise<void>;
}

/** @param file the migration's name in `db/migrations`. */
export async function beforeMigration(file: string): Promise<BeforeMigration> {
  const database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'keelson-before-migration-'));
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('drop schema public cascade; create schema public');
  for (const name of (await readdir(migrationsFolder())).filter((other) => other < file)) {
    await cp(join(migrationsFolder(), name), join(folder, name));
  }
  await migrate(client, folder);
  return {
    client,
    async migrate() {
      await cp(join(migrationsFolder(), file), join(folder, file));
      return migrate(client, folder);
    },
    async migrateAll() {
      await migrate(client);
    },
    async close() {
      await client.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
