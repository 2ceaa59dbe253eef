import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VenueWeight } from '../venue/weight.js';
import { restMs, spentBy, type Spent } from './budget.js';
import { waitMs } from './pace.js';
import type { Finding } from './verify.js';

const MINUTE = 60_000;
const LIMIT = 6_000;
const OWN = 200;
const TICK = 100;
const used = (weight: number): VenueWeight => ({ kind: 'used', used: weight, limit: LIMIT });
const at = (time: number) => ({ time, venueTime: time, windowMs: MINUTE, ownWeight: OWN });
/** How long the halt rests after rounds that end then, with so much used. */
const rests = (...rounds: readonly (readonly [time: number, used: number])[]): number => {
  let spent: Spent | undefined;
  let rest = -1;
  for (const [time, weight] of rounds) {
    spent = spentBy(spent, used(weight), at(time));
    rest = spent === undefined ? -1 : restMs(spent, used(weight), at(time));
  }
  return rest;
};

describe('what a halt leaves of the weight of its address', () => {
  it('is nothing to rest for while there is room for another round, with what others ask for in four seconds', () => {
    // They have used 1,000 in ten seconds.
    expect(rests([10_000, 1_200])).toBe(0);
    expect(rests([10_000, 1_200], [14_000, 3_300])).toBe(0);
    expect(rests([10_000, 1_200], [30_000, 4_566])).toBe(0);
    expect(rests([10_000, 1_200], [11_000, 3_028])).toBe(0);
    // What was seen in less than three seconds is nobody's measure.
    expect(rests([10_000, 1_200], [10_100, 3_028])).toBe(0);
  });

  it('is the rest of the window where there is none', () => {
    expect(rests([10_000, 1_200], [14_000, 3_301])).toBe(46_000);
    expect(rests([10_000, 1_200], [30_000, 4_567])).toBe(30_000);
    expect(rests([10_000, 1_200], [11_000, 3_029])).toBe(49_000);
  });

  it('is reckoned by all that the window tells where there was no round in it, nor in the one before', () => {
    expect([rests([40_000, 4_745]), rests([40_000, 4_746])]).toEqual([0, 20_000]);
    expect([rests([10_000, 5_300], [160_000, 4_745]), rests([10_000, 5_300], [160_000, 4_746])]).toEqual([0, 20_000]);
  });

  it('is reckoned in a new window by what was spent in the one before', () => {
    expect(rests([50_000, 1_000], [54_000, 2_200], [61_000, 4_200])).toBe(0);
    expect(rests([50_000, 1_000], [54_000, 2_200], [61_000, 4_201])).toBe(59_000);
  });

  it('is not known where the venue does not tell', () => {
    for (const weight of [{ kind: 'untold' }, { kind: 'unknown' }, { kind: 'closed', forMs: 1 }] as const)
      expect(spentBy(undefined, weight, at(0))).toBeUndefined();
  });

  it('property: halts that are called together and never verified do not close their address, and rest only where it is nearly used', () => {
    let rested = 0;
    fc.assert(
      fc.property(
        fc.record({
          halts: fc.integer({ min: 1, max: 10 }),
          others: fc.integer({ min: 0, max: 60 }),
          weight: fc.integer({ min: 100, max: 220 }),
          roundMs: fc.integer({ min: 200, max: 2_000 }),
          begins: fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 20, maxLength: 20 }),
        }),
        ({ halts, others, weight, roundMs, begins }) => {
          const held: Finding['unverified'] = [{ kind: 'exposure', strategy: 's', instrument: 'BTC/USDT', quantity: '1' as never }];
          const rounds = begins.slice(0, halts).map((time) => ({ time, step: 0, failed: 0, spent: undefined as Spent | undefined }));
          let [window, total] = [0, 0];
          for (let tick = 0; tick < 2 * MINUTE; tick += TICK) {
            if (Math.floor(tick / MINUTE) !== window) [window, total] = [Math.floor(tick / MINUTE), 0];
            // What trades and watches the accounts takes its part, evenly, and leaves the last to halts.
            if (total < LIMIT * 0.8) total += (others * LIMIT) / 100 / (MINUTE / TICK);
            for (const one of rounds) {
              if (one.time > tick) continue;
              // A round asks in four parts, one after the other.
              total += weight / 4;
              one.step += 1;
              one.time = tick + roundMs / 4;
              if (one.step % 4 !== 0) continue;
              one.failed += 1;
              const seen = used(Math.floor(total));
              one.spent = spentBy(one.spent, seen, at(tick));
              const rest = one.spent === undefined ? 0 : restMs(one.spent, seen, at(tick));
              if (rest > 0) {
                rested += 1;
                expect(total + OWN + (one.spent?.others ?? 0)).toBeGreaterThan(LIMIT * 0.9 - 1);
              }
              one.time = tick + waitMs(one.failed, { unverified: held, dust: [], kept: [], look: { time: 0, under: [], restMs: rest } }, 0);
            }
            expect(Math.floor(total)).toBeLessThanOrEqual(LIMIT);
          }
          // One alone, beside nothing that takes much, never rests.
          if (halts === 1 && others <= 20) expect(rounds[0]?.failed).toBeGreaterThan((1.8 * MINUTE) / (3_000 + roundMs + 200) - 5);
        },
      ),
      { numRuns: 15 },
    );
    expect(rested).toBeGreaterThan(10);
  });
});
