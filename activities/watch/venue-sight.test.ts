import { expect, it } from 'vitest';
import { StreamedMarket } from '../streams/live-market.js';
import type { Venue } from '../ports/venue.js';
import { VenueSight } from './venue-sight.js';

/** A sight of a venue that never answers, which looks so many ms after the last time. */
function open() {
  let now = 1_000_000;
  const clock = (): number => now;
  const venue = { profile: { streams: { bars: false } }, reader: {} } as unknown as Venue;
  const sight = new VenueSight({
    ...{ account: 'main', venue, store: { read: async () => undefined }, live: new StreamedMarket(clock), instruments: [] },
    ...{ settings: { noMarketDataMs: 300_000 }, watchers: () => 1, clock, failed: () => undefined },
  });
  const look = (...afterMs: readonly number[]): number => {
    for (const ms of afterMs) {
      now += ms;
      sight.stayAwake();
    }
    return sight.lookingMs;
  };
  return { sight, look };
}

it('a venue is away for as long as somebody has looked', async () => {
  const { sight, look } = open();
  expect(look(1_000, 1_000, 1_900)).toBe(3_900);
  expect(look(1_000)).toBe(4_900);
  await sight.close();
});

it('who has stood still begins anew, and who does so again and again has looked for the moments between', async () => {
  const { sight, look } = open();
  look(...Array.from({ length: 10 }, () => 1_000));
  expect(look(6_000)).toBe(0);
  expect(look(...Array.from({ length: 30 }, () => 4_000))).toBe(30_000);
  // Two minutes of the clock, of which it has looked for half a minute: no venue is lost by that.
  expect(look(1_000)).toBe(31_000);
  await sight.close();
});
