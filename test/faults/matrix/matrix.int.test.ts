import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../support/postgres.js';
import { temporalIfAny } from '../../support/temporal.js';
import { coverageText } from '../faults.js';
import { CELLS } from './cells.js';
import { runMatrix } from './run.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_125);
/** One or two stories of each cell. */
const CASES = Math.max(200, CELLS.length);
const LANES = 14;

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('the fault matrix', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database?.drop());

  it('every fault at every operation: the ledger is what the venue’s journal says, and nothing is doubled, orphaned or oversold', async () => {
    console.info(`fault matrix: ${CASES} cases, seed ${SEED} (KEELSON_TEST_SEED)`);
    if (temporal === undefined) return;
    const outcome = await runMatrix(database, temporal, { seed: SEED, cases: CASES, lanes: LANES });
    expect(outcome).toMatchObject({ failed: [], idle: [], stops: { STOP_LOSS: expect.any(Number), STOP_LOSS_LIMIT: expect.any(Number) } });
    console.info(coverageText(outcome));
  }, 600_000);
});
