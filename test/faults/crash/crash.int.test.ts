import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { partsOf, runParts, type Running } from './chains.js';
import { nameOf } from './crash.js';
import type { Recovery } from './cycle.js';
import { chosenCrashes, type Chosen } from './points.js';
import { report, type Time } from './report.js';
import { openServers, type CrashServers } from './servers.js';

/** Each has a venue, a ledger and two workers of its own; most of the time they wait for time-outs. */
const WORLDS = 4;
const LIMIT_MS = 900_000;

const temporal = await temporalIfAny();
const crashes = chosenCrashes();

describe.skipIf(temporal === undefined)('kill -9 of a worker at each step', () => {
  let servers: CrashServers;
  let running: Running<Chosen, Recovery>;
  const times: Time[] = [];

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    running = runParts(servers, partsOf(crashes, WORLDS), (crew, crash) => crew.crash(crash));
  });
  afterAll(async () => {
    await running?.closed;
    console.info(report('from the kill until nothing was on its way', times));
    await servers?.close();
  });

  it.each(crashes.map((crash) => [nameOf(crash), crash] as const))('%s', { timeout: LIMIT_MS }, async (name, crash) => {
    const outcome = await running.outcomes.get(crash);
    expect(outcome?.disagreements).toEqual([]);
    if (outcome !== undefined) times.push({ name, ms: outcome.recoveryMs, restartMs: outcome.restartMs });
  });
});
