import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoarseSkew } from './coarse-skew.js';

/** A venue whose clock is `skewMs` ahead of ours and tells whole seconds. */
const seconds = (ourTime: number, skewMs: number): number => Math.floor((ourTime + skewMs) / 1_000) * 1_000;

describe('the skew of a clock that tells whole seconds', () => {
  it('is never further off than half a step and half a round trip', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5_000, max: 5_000 }),
        fc.array(fc.record({ gapMs: fc.integer({ min: 1, max: 4_000 }), tripMs: fc.integer({ min: 0, max: 40 }) }), { minLength: 1 }),
        (skewMs, readings) => {
          const skew = new CoarseSkew(1_000);
          let now = 1_700_000_000_000;
          for (const { gapMs, tripMs } of readings) {
            now += gapMs;
            const told = skew.see(seconds(now + tripMs / 2, skewMs), now, now + tripMs);
            expect(Math.abs(told - skewMs)).toBeLessThanOrEqual(500 + tripMs / 2);
          }
        },
      ),
    );
  });

  it('is known to within a tenth of a second after readings all over a second', () => {
    const skew = new CoarseSkew(1_000);
    let told = 0;
    for (let reading = 0; reading < 10; reading++) {
      const now = 1_700_000_000_000 + reading * 2_100;
      told = skew.see(seconds(now, 237), now, now);
    }
    expect(Math.abs(told - 237)).toBeLessThanOrEqual(50);
  });

  it('starts anew when a clock was set', () => {
    const skew = new CoarseSkew(1_000);
    skew.see(seconds(1_700_000_000_000, 0), 1_700_000_000_000, 1_700_000_000_000);
    expect(Math.abs(skew.see(seconds(1_700_000_001_000, 90_000), 1_700_000_001_000, 1_700_000_001_000) - 90_000)).toBeLessThanOrEqual(500);
  });
});
