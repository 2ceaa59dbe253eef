import { describe, expect, it } from 'vitest';
import { growing } from './nonce.js';

describe('numbers of requests', () => {
  it('grow while the clock stands still, goes on, or is set back', () => {
    let now = 1_700_000_000_000;
    const next = growing(() => now, 7);
    const seen = [next(), next()];
    now += 1;
    seen.push(next());
    now -= 60_000;
    seen.push(next(), next());
    expect(seen).toEqual([
      1_700_000_000_000_007, 1_700_000_000_000_008, 1_700_000_000_001_007, 1_700_000_000_001_008, 1_700_000_000_001_009,
    ]);
  });

  it('follow the clock again once it has caught up', () => {
    let now = 1_000;
    const next = growing(() => now, 0);
    next();
    now = 10;
    next();
    now = 2_000;
    expect(next()).toBe(2_000_000);
  });
});
