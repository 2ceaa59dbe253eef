import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { nameOf } from './crash.js';
import { chosenCrashes, type Chosen } from './points.js';
import { report, type Time } from './report.js';
import { openServers, type CrashServers } from './servers.js';
import { crashWorlds, type Worlds } from './worlds.js';

/** Each has a venue, a ledger and two workers of its own; most of the time they wait for time-outs. */
const WORLDS = 3;
const LIMIT_MS = 1_800_000;

const temporal = await temporalIfAny();
const crashes = chosenCrashes();

describe.skipIf(temporal === undefined)('kill -9 of a worker at each step', () => {
  let servers: CrashServers;
  let worldsOf: (crash: Chosen) => Worlds;
  const times: Time[] = [];

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    worldsOf = crashWorlds(servers, WORLDS);
  });
  afterAll(async () => {
    console.info(report('from the kill until nothing was on its way', times));
    await servers?.close();
  });

  // All at once: each waits for a world that is free.
  it.concurrent.each(crashes.map((crash) => [nameOf(crash), crash] as const))('%s', { timeout: LIMIT_MS }, async (name, crash) => {
    const { recoveryMs, restartMs, disagreements } = await worldsOf(crash).run((crew) => crew.crash(crash));
    expect(disagreements).toEqual([]);
    times.push({ name, ms: recoveryMs, restartMs });
  });
});
