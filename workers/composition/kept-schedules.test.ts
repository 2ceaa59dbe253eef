import { describe, expect, it, vi } from 'vitest';
import type { StartPlace } from '../../db/start-order.js';
import { Beginnings } from './beginnings.js';
import { KeptSchedules } from './kept-schedules.js';

const UNAVAILABLE = Object.assign(new Error('of gRPC'), { code: 14, details: '', metadata: {} });
const log = { warn: () => undefined, error: () => undefined };

/** The schedules of a start at a Temporal that is away for as long as the test says. */
function opened(first: StartPlace) {
  const world = { place: first, isAway: false, tries: 0, set: 0, begun: 0 };
  const schedules = new KeptSchedules({
    place: async () => world.place,
    begin: async () => {
      world.tries += 1;
      if (world.isAway) throw UNAVAILABLE;
      world.begun += 1;
    },
    set: async () => void (world.set += 1),
    log,
  });
  return { world, schedules };
}

describe('the schedules of a start', () => {
  it.each<[StartPlace, number]>([
    ['newest', 1],
    // It belongs to no start, and there may be no other.
    ['unordered', 1],
    ['older', 0],
  ])('that is the %s are set at its beginning %i times', async (place, times) => {
    const { world, schedules } = opened(place);
    await schedules.begin();
    expect(world.begun).toBe(times);
  });

  it('that has waited for Temporal are not set over those of one that has come meanwhile', async () => {
    const { world, schedules } = opened('newest');
    world.isAway = true;
    const warned = vi.fn<() => void>();
    const store = { tell: async () => undefined, end: async () => undefined };
    const beginnings = new Beginnings({ store, who: 'guardian 1', clock: () => 0, log: { ...log, warn: warned }, againMs: 1 });
    await beginnings.begin('the schedules', () => schedules.begin());
    await vi.waitFor(() => expect(world.tries).toBeGreaterThan(1));
    [world.place, world.isAway] = ['older', false];
    await vi.waitFor(() => expect(warned).toHaveBeenCalledOnce());
    expect(world.begun).toBe(0);
    await schedules.look();
    expect(world.set).toBe(0);
  });
});
