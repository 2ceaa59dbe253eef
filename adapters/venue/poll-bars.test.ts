import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import { KeelsonError } from '../../core/errors.js';
import { decimalTextOf } from '../../core/money/index.js';
import { pollBars } from './poll-bars.js';

const MINUTE = 60_000;
const BEGUN = 1_700_000_040_000;
/** So far the venue’s clock is ahead. */
const SKEW_MS = 40;
const price = decimalTextOf('1');

const bar = (openTime: number): Bar => ({
  instrument: 'BTC/USD',
  intervalMs: MINUTE,
  openTime,
  closeTime: openTime + MINUTE - 1,
  open: price,
  high: price,
  low: price,
  close: price,
  volume: price,
});

let stop: AbortController;
let shown: Bar[];
let outage: Error | undefined;
/** It is asked for before the other one, and fails so. */
const GONE = 'GONE/USD';
let unlisted: Error | undefined;
let asked: number[];
let askedGone: number[];
let seen: { bars: number[]; gaps: string[] };
/** How old each price was when it was told. */
let ages: number[];
let done: Promise<void>;

beforeEach(() => {
  vi.useFakeTimers({ now: BEGUN + 10_000 });
  unlisted = undefined;
  begin();
});

function begin(): void {
  stop = new AbortController();
  shown = [];
  asked = [];
  askedGone = [];
  outage = undefined;
  seen = { bars: [], gaps: [] };
  ages = [];
  done = pollBars({
    reader: {
      bars: async (of, __, from) => {
        (of === GONE ? askedGone : asked).push(Date.now());
        if (of === GONE) throw unlisted ?? new Error('unlisted is not set');
        if (outage !== undefined) throw outage;
        return shown.filter((one) => one.openTime >= from);
      },
    },
    instruments: unlisted === undefined ? ['BTC/USD'] : [GONE, 'BTC/USD'],
    intervalMs: MINUTE,
    handlers: {
      onBar: ({ bar: one }) => void seen.bars.push((one.openTime - BEGUN) / MINUTE),
      onPrice: (_, __, { seenTime }) => void ages.push(Date.now() - seenTime),
      onGap: (reason, only) => void seen.gaps.push([reason, ...(only === GONE ? [only] : [])].join(' ')),
    },
    clock: Date.now,
    venueNow: () => Date.now() + SKEW_MS,
    signal: stop.signal,
  });
}

afterEach(async () => {
  stop.abort();
  await done;
  vi.useRealTimers();
});

/** Goes to so many ms after the close of the bar `index`, counted from the one that is open at the beginning. */
const after = (index: number, ms: number) => vi.advanceTimersByTimeAsync(BEGUN + (index + 1) * MINUTE + ms - SKEW_MS - Date.now());

describe('bars that are asked for', () => {
  it('are told once they are closed, each once, the one that is open at the beginning first', async () => {
    await after(0, -1);
    expect(asked).toEqual([]);
    shown = [bar(BEGUN - MINUTE), bar(BEGUN)];
    await after(0, 300);
    expect(seen.bars).toEqual([0]);
    shown.push(bar(BEGUN + MINUTE));
    await after(1, 300);
    expect(seen).toEqual({ bars: [0, 1], gaps: [] });
    expect(asked).toHaveLength(2);
  });

  it('are asked for again each second where the venue is late, and not for ever', async () => {
    await after(0, 2_400);
    expect(asked).toHaveLength(3);
    shown = [bar(BEGUN)];
    await after(0, 3_400);
    expect(seen.bars).toEqual([0]);
    await after(1, 30_000);
    expect(asked).toHaveLength(4 + 5);
  });

  it('come all, in order, after an outage that is told once', async () => {
    outage = new Error('no answer');
    await after(1, 30_000);
    expect(seen).toEqual({ bars: [], gaps: ['no answer'] });
    outage = undefined;
    shown = [bar(BEGUN), bar(BEGUN + MINUTE), bar(BEGUN + 2 * MINUTE)];
    await after(2, 300);
    expect(seen.bars).toEqual([0, 1, 2]);
    // Each close is a price of the moment at which its bar closed, by our clock.
    expect(ages).toEqual([2, 1, 0].map((bars) => bars * MINUTE + 301));
  });

  it('a hole of the venue is told', async () => {
    shown = [bar(BEGUN)];
    await after(0, 300);
    await after(1, 30_000);
    shown = [bar(BEGUN + 2 * MINUTE)];
    await after(2, 300);
    expect(seen).toEqual({ bars: [0, 2], gaps: [`BTC/USD: bars are missing before ${BEGUN + 2 * MINUTE}`] });
  });

  it.each([
    // Whoever warms up tells of it.
    ['is not listed any more', new KeelsonError('RISK_INSTRUMENT_UNKNOWN', { venue: 'kraken', instrument: GONE }), 1, []],
    ['fails for itself', new Error('no answer'), 5, [`no answer ${GONE}`]],
  ])('one that %s holds up no other, nor is its gap theirs', async (_, error, questions, gaps) => {
    stop.abort();
    await done;
    unlisted = error;
    begin();
    shown = [bar(BEGUN)];
    await after(0, 300);
    expect(seen.bars).toEqual([0]);
    shown.push(bar(BEGUN + MINUTE));
    await after(0, 59_000);
    expect(askedGone).toHaveLength(questions);
    await after(1, 30_000);
    expect(seen).toEqual({ bars: [0, 1], gaps });
    expect(asked).toHaveLength(2);
  });
});
