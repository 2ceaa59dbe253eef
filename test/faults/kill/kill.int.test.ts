import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { StoryServers } from './run-stories.js';
import { STORY_NAMES } from './stories.js';

const LIMIT_MS = 300_000;
const SMALL = { orders: 8, outageMs: 2_000, seed: Number(process.env['KEELSON_TEST_SEED'] ?? 7) };

// The servers of all tests are nobody's to stop; where there is a Temporal program these stories have their own.
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a halt over two venues of which one is down', { timeout: LIMIT_MS }, () => {
  let servers: StoryServers;

  beforeAll(async () => {
    servers = await StoryServers.open();
  });
  afterAll(() => servers?.close());

  it.each(STORY_NAMES)('P25 to P29: %s', async (story) => {
    const { broken } = await servers.run(story, SMALL);
    expect(broken).toEqual([]);
  });
});
