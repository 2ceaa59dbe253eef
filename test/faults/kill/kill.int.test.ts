import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { StoryServers } from './run-stories.js';
import type { Outcome } from './stories.js';

const LIMIT_MS = 600_000;
const SMALL = { orders: 8, outageMs: 500, seed: Number(process.env['KEELSON_TEST_SEED'] ?? 7) };

// The server of all tests is nobody's to stop: these stories have their own, where there is a Temporal program at all.
const temporal = await temporalIfAny();

/** All of it in full is `npm run soak -- kill`. */
describe.skipIf(temporal === undefined)('a halt over two venues of which one is down', { timeout: LIMIT_MS }, () => {
  let servers: StoryServers;
  let atOnce: Readonly<Record<'guardian' | 'both', Promise<Outcome>>>;

  beforeAll(async () => {
    servers = await StoryServers.open();
    // Most of the time each of them waits.
    atOnce = { guardian: servers.run('guardian', SMALL), both: servers.run('both', SMALL) };
    await Promise.allSettled(Object.values(atOnce));
  }, LIMIT_MS);
  afterAll(() => servers?.close());

  it('P28: its guardian is killed with -9 on the way', async () => expect((await atOnce.guardian).broken).toEqual([]));

  it('P27: workflow and direct command at once sell nothing twice', async () => expect((await atOnce.both).broken).toEqual([]));

  it('P26: Temporal is stopped on the way; the direct command finishes, and the workflow takes its file up', async () =>
    expect((await servers.run('temporal', SMALL)).broken).toEqual([]));

  it('P25: Postgres is stopped when the direct command begins; it says UNLATCHED, cancels what appears, and is latched when it is back', async () =>
    expect((await servers.run('postgres', SMALL)).broken).toEqual([]));
});
