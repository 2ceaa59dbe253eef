import { describe, expect, test } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import { type Migration, migrationsFolder, pendingMigrations, readMigrations } from './migrate.js';

const migration = (name: string, checksum = name): Migration => ({ name, checksum, sql: 'select 1' });
const [one, two, three] = [migration('20260101000000_one'), migration('20260102000000_two'), migration('20260103000000_three')];

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof KeelsonError) return error.failure.code;
    throw error;
  }
  return 'none';
};

describe('what is still to be applied', () => {
  test('all of it to a new database, the rest to an older one, nothing to a current one', () => {
    expect(pendingMigrations([one, two], [], 'db')).toEqual([one, two]);
    expect(pendingMigrations([one, two], [one], 'db')).toEqual([two]);
    expect(pendingMigrations([one, two], [two, one], 'db')).toEqual([]);
  });

  test('an edited file is refused', () => {
    expect(codeOf(() => pendingMigrations([migration(one.name, 'edited')], [one], 'db'))).toBe('CONFIG_MIGRATION_EDITED');
  });

  test('a database that is newer than the build is refused', () => {
    expect(codeOf(() => pendingMigrations([one], [one, two], 'db'))).toBe('CONFIG_DATABASE');
  });

  test('a new file older than an applied one is refused: other databases have another order', () => {
    expect(codeOf(() => pendingMigrations([one, two, three], [one, three], 'db'))).toBe('CONFIG_DATABASE');
  });
});

test('the folder is found from the sources and from what is built of them', async () => {
  const folder = migrationsFolder();
  expect(migrationsFolder(folder.replace(/db.migrations$/, 'dist/db/migrate.js'))).toBe(folder);
  const names = (await readMigrations(folder)).map(({ name }) => name);
  expect(names).toEqual([...names].sort());
});
