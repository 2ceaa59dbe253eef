import { askForServer } from './ask.js';
import { cloneDatabase, type PostgresOffer, type TestDatabase } from './postgres-server.js';

export type { TestDatabase };

/** Clones the migrated template (about 20 ms). For `*.int.test.ts`: make one in beforeAll, drop it in afterAll. */
export async function testDatabase(): Promise<TestDatabase> {
  return cloneDatabase(await askForServer<PostgresOffer>('postgres'));
}
