import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Venue } from '../../activities/ports/venue.js';
import { krakenStub, STUB_KEY, STUB_SECRET, type KrakenStub } from '../../test/support/kraken-stub/server.js';
import { createVenue } from './create-venue.js';
import { KRAKEN } from './profiles/kraken.js';

const STEP_MS = 600_000;
/** Nothing is read of the venue's clock but what a test asks for. */
const KEEP_WARM_MS = 3_600_000;
let stub: KrakenStub;
let stepMs: number;
let [main, other]: Venue[] = [];

const opened = (clock: () => number): Promise<Venue> =>
  createVenue({
    profile: { ...KRAKEN, limiter: { rateLimit: 1 }, rateBudget: { weight: { limit: 1_000_000, windowMs: 1_000 } } },
    ...{ urls: stub.urls, apiKey: STUB_KEY, secret: STUB_SECRET, clock, readLimitMs: 2_000, keepWarmMs: KEEP_WARM_MS },
  });

beforeEach(async () => {
  stub = await krakenStub();
  stub.nonceWindow = 10_000_000;
  stepMs = 0;
  main = await opened(() => Date.now() + stepMs);
  other = await opened(Date.now);
});
afterEach(async () => {
  await main?.close();
  await other?.close();
  await stub.close();
});

describe('our own clock is set', () => {
  const asked = async (): Promise<void> => {
    for (const venue of [main, other, main]) expect(await venue?.reader.balances()).toEqual(expect.any(Array));
    expect(stub.staleNonces).toBe(0);
    expect(Math.abs(stub.highestNonce / 1_000 - Date.now())).toBeLessThan(10_000);
  };

  it.each([
    ['ahead', STEP_MS],
    ['back', -STEP_MS],
  ])('%s: no number of a request goes with it, and none of this process or another with its key is refused', async (_, ms) => {
    await asked();
    stepMs = ms;
    await asked();
    await main?.reader.clock();
    await asked();
    // And it is set right again.
    stepMs = 0;
    await asked();
  });

  it('while the venue’s clock is read: what is read is what theirs and ours differ by now', async () => {
    stub.delayNext('Time', async () => void (stepMs = STEP_MS));
    const reading = await main?.reader.clock();
    expect(Math.abs((reading?.skewMs ?? 0) + STEP_MS)).toBeLessThan(2_000);
    expect(reading?.roundTripMs).toBeLessThan(STEP_MS);
    await asked();
  });
});
