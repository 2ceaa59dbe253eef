import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNBOOKS } from '../../../core/runbook/spec.js';
import { Places } from '../../support/places.js';
import { temporalIfAny } from '../../support/temporal.js';
import { textOf } from '../programs/point.js';
import { deathInEachStep } from './runbook-parts.js';
import { runKilled } from './runbook-stories.js';
import { openServers, type CrashServers } from './servers.js';

const SEED = Number(process.env['KEELSON_TEST_SEED'] ?? 20_261_126);
const LIMIT_MS = 900_000;
/** A guardian that was killed is missed for some seconds, in which its world only waits. */
const WORLDS = 3;

const temporal = await temporalIfAny();

// Every boundary of every part, with one death each: `npm run soak -- runbooks`.
describe.skipIf(temporal === undefined)('guardians killed (-9), one in each step of a run', { timeout: LIMIT_MS }, () => {
  const worlds = Places.empty(WORLDS);
  let servers: CrashServers;
  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
  });
  afterAll(() => servers?.close());

  // The longest first.
  it.concurrent.each(RUNBOOKS.toReversed())('%s is gone on with each time, to its end, and nothing is done twice', async (name) => {
    const deaths = deathInEachStep(name, SEED);
    await worlds.run(async () => {
      console.info(`${name} is killed ${deaths.map(textOf).join(', ')}, seed ${SEED} (KEELSON_TEST_SEED)`);
      const began = performance.now();
      expect(await runKilled(servers, name, deaths)).toEqual([]);
      console.info(`${name}: ${Math.round((performance.now() - began) / 1_000)} s`);
    });
  });
});
