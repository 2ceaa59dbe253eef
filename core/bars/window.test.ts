import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../money/index.js';
import type { Bar } from './bar.js';
import { BarWindow } from './window.js';

const INTERVAL_MS = 1_000;
const bar = (index: number, close = '1'): Bar => ({
  instrument: 'BTC/USDT',
  intervalMs: INTERVAL_MS,
  openTime: index * INTERVAL_MS,
  closeTime: (index + 1) * INTERVAL_MS - 1,
  open: '1' as DecimalText,
  high: '1' as DecimalText,
  low: '1' as DecimalText,
  close: close as DecimalText,
  volume: '0' as DecimalText,
});
const indexes = (window: BarWindow): number[] => window.bars().map(({ openTime }) => openTime / INTERVAL_MS);

/** Few enough numbers that duplicates, gaps and late ones are common. */
const someBars = fc.array(fc.nat(25), { maxLength: 40 });
const capacities = fc.integer({ min: 1, max: 8 });
type Step = { readonly kind: 'arrive'; readonly index: number } | { readonly kind: 'rebuild'; readonly given: readonly number[] };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('arrive' as const), index: fc.nat(25) }),
    fc.record({ kind: fc.constant('rebuild' as const), given: someBars }),
  ),
  { maxLength: 30 },
);

/** The definition: the last bars of the newest unbroken run. */
function tailOf(known: ReadonlySet<number>, capacity: number): number[] {
  const tail: number[] = [];
  for (let index = Math.max(-1, ...known); known.has(index) && tail.length < capacity; index -= 1) tail.unshift(index);
  return tail;
}

describe('BarWindow', () => {
  it('is always consecutive, no longer than it may be, and never goes back, whatever comes', () => {
    fc.assert(
      fc.property(capacities, steps, (capacity, done) => {
        const window = new BarWindow(capacity);
        let last = -1;
        for (const step of done) {
          if (step.kind === 'arrive') window.arrive(bar(step.index));
          else window.rebuild(step.given.map((index) => bar(index)));
          const held = indexes(window);
          expect(held.length).toBeLessThanOrEqual(capacity);
          held.forEach((index, at) => expect(index).toBe((held[0] ?? 0) + at));
          expect(held.at(-1) ?? -1).toBeGreaterThanOrEqual(last);
          last = held.at(-1) ?? -1;
          expect(window.lastOpenTime()).toBe(held.length === 0 ? undefined : last * INTERVAL_MS);
        }
      }),
    );
  });

  it('rebuilt from any bars in any order, it holds the newest unbroken run of them', () => {
    fc.assert(
      fc.property(capacities, someBars, (capacity, given) => {
        const window = new BarWindow(capacity);
        window.rebuild(given.map((index) => bar(index)));
        expect(indexes(window)).toEqual(tailOf(new Set(given), capacity));
      }),
    );
  });

  it('bars that arrive in order are the tail, and a gap that is filled leaves no trace', () => {
    fc.assert(
      fc.property(capacities, fc.integer({ min: 1, max: 25 }), someBars, (capacity, count, lost) => {
        const window = new BarWindow(capacity);
        window.arrive(bar(0));
        for (let index = 1; index <= count; index += 1) {
          if (lost.includes(index) && index < count) continue;
          const arrival = window.arrive(bar(index));
          if (arrival.kind !== 'gap') continue;
          const missing: Bar[] = [];
          for (let at = arrival.fromOpenTime; at <= arrival.toOpenTime; at += INTERVAL_MS) missing.push(bar(at / INTERVAL_MS));
          window.rebuild(missing);
          expect(window.arrive(bar(index))).toEqual({ kind: 'followed' });
        }
        expect(indexes(window)).toEqual(tailOf(new Set(Array.from({ length: count + 1 }, (_, index) => index)), capacity));
      }),
    );
  });

  it('a bar beyond a gap changes nothing, and the gap is named by its first and last missing bar', () => {
    const window = new BarWindow(4);
    window.rebuild([bar(1), bar(2)]);
    expect(window.arrive(bar(5))).toEqual({ kind: 'gap', fromOpenTime: 3_000, toOpenTime: 4_000 });
    expect(indexes(window)).toEqual([1, 2]);
  });

  it('a bar that comes twice or late is old, and the first one stands', () => {
    const window = new BarWindow(4);
    window.arrive(bar(1, '10'));
    window.arrive(bar(2));
    expect(window.arrive(bar(2, '11'))).toEqual({ kind: 'old' });
    expect(window.arrive(bar(1, '11'))).toEqual({ kind: 'old' });
    expect(window.bars()[0]?.close).toBe('10');
  });
});
