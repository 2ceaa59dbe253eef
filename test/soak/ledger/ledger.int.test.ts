import { describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { soakLedger } from './run.js';

/** A busy machine may need that long; what is stuck says so by itself before. */
const LIMIT_MS = 1_200_000;
const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_126);
/** Stops and exits go on over midnight; entries begin again when it is over. */
const BEFORE_MIDNIGHT_MS = 8_000;

// It has servers of its own, where there is a Temporal program at all.
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('300 orders of the soak of the ledger (npm run soak -- ledger)', { timeout: LIMIT_MS }, () => {
  it(`${SEED}: through faults, kills and three midnights the ledger is its venues’ to the last unit, day by day`, async () => {
    const said: string[] = [];
    const options = { orders: 300, accounts: 8, midnights: 3, beforeMidnightMs: BEFORE_MIDNIGHT_MS, kills: 1, outages: false, seed: SEED };
    const { broken, differences, ...figures } = await soakLedger(options, (line) => void said.push(line)).catch((error: unknown) => {
      console.error(said.slice(-10).join('\n'));
      throw error;
    });
    console.info(JSON.stringify(figures));
    expect(broken).toEqual([]);
    expect(differences).toBe(0);
    expect(figures).toMatchObject({ midnights: 3, kills: { trading: 1, guardian: 1 } });
    expect(figures.orders).toBeGreaterThanOrEqual(300);
    expect(figures.faultShare).toBeGreaterThanOrEqual(0.2);
  });
});
