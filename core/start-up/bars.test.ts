import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barsToObserve, lackOf, type StoredBar, type StreamNeed } from './bars.js';

const NEED: StreamNeed = { instrument: 'BTC/USDT', intervalMs: 1_000, observed: 3, history: 5 };
const NOW = 1_000_000;
const TIMES = { since: NOW - 10_000, now: NOW, aheadMs: 0 };

/** Bars that closed each second up to now, newest first, each stored at its close. */
const barsOf = (count: number, change: (bar: StoredBar, index: number) => StoredBar = (bar) => bar): StoredBar[] =>
  Array.from({ length: count }, (_, index) => {
    const closeTime = NOW - index * 1_000;
    return change({ openTime: closeTime - 999, closeTime, source: 'stream', receivedTime: closeTime }, index);
  });
const lack = (bars: readonly StoredBar[], times = TIMES): readonly string[] => lackOf({ bars }, NEED, times);
const INCOMPLETE = expect.stringContaining('of 3 bars have arrived in time');
const HOLE = expect.stringContaining('without a hole');

describe('what a stream of bars lacks before its account may trade', () => {
  it('nothing, when the last N came in time and the window of the strategies is whole', () => {
    expect(lack(barsOf(5))).toEqual([]);
    expect(lack(barsOf(8, (bar, index) => (index < 3 ? bar : { ...bar, source: 'rest' })))).toEqual([]);
  });

  it.each<[string, StoredBar[], readonly unknown[]]>([
    ['no bar', [], ['BTC/USDT: no bar has arrived']],
    ['one by REST among the last', barsOf(5, (bar, index) => (index === 2 ? { ...bar, source: 'rest' } : bar)), [INCOMPLETE]],
    ['one that came late', barsOf(5, (bar, index) => (index === 1 ? { ...bar, receivedTime: bar.closeTime + 5_001 } : bar)), [INCOMPLETE]],
    ['a hole among the last', barsOf(6).filter((_, index) => index !== 1), [INCOMPLETE, HOLE]],
    ['a hole in the window', barsOf(6).filter((_, index) => index !== 3), [HOLE]],
    ['too short a window', barsOf(4), [HOLE]],
    ['silence', barsOf(20).slice(7), [expect.stringContaining('closed 7 s ago')]],
  ])('%s', (_, bars, found) => {
    expect(lack(bars)).toEqual(found);
  });

  it('what came before the observation began does not count, and a clock of ours that is off makes no bar late', () => {
    expect(lack(barsOf(5), { ...TIMES, since: NOW - 1_500 })).toEqual(['BTC/USDT: 2 of 3 bars have arrived in time, one after the other']);
    const behind = barsOf(5, (bar) => ({ ...bar, receivedTime: bar.closeTime - 60_000 }));
    expect(lack(behind, { since: NOW - 70_000, now: NOW - 60_000, aheadMs: 60_000 })).toEqual([]);
  });

  it('whatever is lost or late: it is fine only when the last N are there, in time, and nothing is missing in the window', () => {
    const fate = fc.constantFrom<'fine' | 'lost' | 'late' | 'rest'>('fine', 'fine', 'fine', 'lost', 'late', 'rest');
    fc.assert(
      fc.property(fc.array(fate, { minLength: 5, maxLength: 12 }), (fates) => {
        const bars = barsOf(fates.length, (bar, index) => ({
          ...bar,
          source: fates[index] === 'rest' ? 'rest' : 'stream',
          receivedTime: fates[index] === 'late' ? bar.closeTime + 9_000 : bar.closeTime,
        })).filter((_, index) => fates[index] !== 'lost');
        const isFine = fates.slice(0, 3).every((one) => one === 'fine') && !fates.slice(0, 5).includes('lost');
        // The newest may be on its way: what closed a moment before it is still fresh.
        const isOnItsWay = fates[0] === 'lost';
        if (!isOnItsWay) expect(lack(bars).length === 0).toBe(isFine);
      }),
    );
  });

  it('of long bars fewer are waited for', () => {
    expect([1_000, 60_000, 600_000, 86_400_000].map((intervalMs) => barsToObserve(3, intervalMs, 120_000))).toEqual([3, 2, 0, 0]);
  });
});
