import { describe, expect, it } from 'vitest';
import { latchName } from '../../core/kill/verify.js';
import type { VenueWeight } from '../../core/venue/weight.js';
import { KEY, LEDGER } from '../../test/support/risk-view.js';
import type { Venue, VenueOrder } from '../ports/venue.js';
import { createKillCancel } from './cancel.js';
import type { KillDependencies } from './dependencies.js';
import { ShownOrders } from './shown-orders.js';
import { createKillVerify } from './verify.js';

const ACCOUNT = LEDGER.account;
const HALT = { latchId: 'l', scope: 'account', scopeValue: ACCOUNT, policy: 'atOnce' };
const FOREIGN = { instrument: KEY.instrument, clientOrderId: 'of others', venueOrderId: 'v', status: 'accepted' } as VenueOrder;

/** Rounds of a halt at a venue that has nothing of ours; what is asked of it, in order. */
function rounds() {
  const world = {
    open: [] as VenueOrder[],
    latches: [HALT],
    now: 10_000,
    weight: { kind: 'untold' } as VenueWeight,
    isAway: false,
    asked: [] as string[],
  };
  const ask = <T>(what: string, answer: T): Promise<T> => {
    world.asked.push(what);
    return world.isAway ? Promise.reject(new Error('away')) : Promise.resolve(answer);
  };
  const reader = {
    openOrders: () => ask('open', world.open),
    cancel: (_: string, name: string) => ask(`cancel ${name}`, 'canceled'),
    balances: () => ask('balances', []),
    lastPrices: () => ask('prices', {}),
    clock: async () => ({ venueTime: world.now }),
  };
  const profile = {
    visibilityBoundMs: 2_000,
    readWeights: { openOrders: 80, balances: 20 },
    rateBudget: { weight: { limit: 6_000, windowMs: 60_000 } },
  };
  const venue = { reader, profile, weight: () => world.weight } as unknown as Venue;
  const view = () => ({
    ...{ risk: { ...LEDGER, positions: [] }, latches: world.latches, working: [], instruments: {}, inventory: {} },
    ...{ sold: [], contradicted: [], money: [], lastFills: {} },
  });
  const dependencies = {
    kills: { readKill: async () => view(), observe: async () => undefined },
    store: { orderByVenueIds: async () => undefined },
    venueOf: () => venue,
    clock: () => world.now,
  } as unknown as KillDependencies;
  const shown = new ShownOrders();
  const [cancel, verify] = [createKillCancel(dependencies, shown), createKillVerify(dependencies, shown)];
  const taken = (): readonly string[] => world.asked.splice(0);
  return { world, cancel: () => cancel(ACCOUNT), verify: () => verify(ACCOUNT), taken };
}

describe('P28: what a halt asks a venue for in a round', () => {
  it('is what is open once, where the round before has shown nothing that has to go; the first and each look ask for it', async () => {
    const { cancel, verify, taken } = rounds();
    for (const asked of [['open'], [], []]) {
      await cancel();
      expect(taken()).toEqual(asked);
      expect((await verify()).unverified).toEqual([]);
      expect(taken().filter((one) => one === 'open')).toEqual(['open']);
    }
  });

  it('is what is open again, and its cancel, where a look has shown an order that has to go', async () => {
    const { world, cancel, verify, taken } = rounds();
    await cancel();
    world.open = [FOREIGN];
    expect((await verify()).unverified).toMatchObject([{ kind: 'openOrder', isOurs: false }]);
    taken();
    expect(await cancel()).toMatchObject({ asked: 1 });
    expect(taken()).toEqual(['open', 'cancel of others']);
  });

  it('is what is open again where the look was of other halts, of long ago, or did not come to its end', async () => {
    const { world, cancel, verify, taken } = rounds();
    const asksAgain = async (change: () => void | Promise<unknown>): Promise<void> => {
      await verify();
      await change();
      taken();
      await cancel();
      expect(taken()).toEqual(['open']);
    };
    await asksAgain(() => void (world.latches = [HALT, { ...HALT, latchId: 'another' }]));
    expect(world.latches.map((latch) => latchName(latch as never))).toHaveLength(2);
    await asksAgain(() => void (world.now += 30_001));
    await asksAgain(async () => {
      await cancel();
      world.isAway = true;
      await verify().catch(() => undefined);
      world.isAway = false;
    });
  });
});

describe('a halt at an address whose weight is nearly used', () => {
  it('says with its look how long the venue is left alone: to the end of the window, where there is no room for another round', async () => {
    const { world, verify } = rounds();
    expect((await verify()).look).not.toHaveProperty('restMs');
    world.weight = { kind: 'used', used: 1_200, limit: 6_000 };
    expect((await verify()).look).not.toHaveProperty('restMs');
    world.weight = { kind: 'used', used: 5_300, limit: 6_000 };
    expect((await verify()).look).toMatchObject({ restMs: 50_000 });
    world.now = 121_000;
    world.weight = { kind: 'used', used: 300, limit: 6_000 };
    expect((await verify()).look).not.toHaveProperty('restMs');
    // Of what was used before a venue told nothing for a while nobody knows.
    world.weight = { kind: 'unknown' };
    expect((await verify()).look).not.toHaveProperty('restMs');
  });
});
