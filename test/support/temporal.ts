import { askForServer } from './ask.js';
import type { TemporalOffer } from './temporal-server.js';

export type TestTemporal = TemporalOffer;

/** The Temporal server of this test run, with our search attributes; the first to ask waits for its start. */
export const testTemporal = (): Promise<TestTemporal> => askForServer<TemporalOffer>('temporal');

/**
 * The same, or undefined where this machine can have none, so that a file skips its tests by name:
 *
 *     const temporal = await temporalIfAny();
 *     describe.skipIf(temporal === undefined)('signalToOrder', () => …);
 *
 * With CI=true the absence is a failure.
 */
export async function temporalIfAny(): Promise<TestTemporal | undefined> {
  try {
    return await testTemporal();
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    console.warn(`Skipped: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
