import { expect, it } from 'vitest';
import type { Bar } from '../../core/bars/bar.js';
import type { DecimalText } from '../../core/money/index.js';
import { eventually } from '../../test/support/eventually.js';
import type { BarRange, Events } from '../ports/store.js';
import { PastBars } from './past-bars.js';

const STEP = 1_000;
const ONE = '1' as DecimalText;
const bar = (index: number): Bar => ({
  instrument: 'BTC/USDT',
  intervalMs: STEP,
  openTime: index * STEP,
  closeTime: index * STEP + STEP - 1,
  ...{ open: ONE, high: ONE, low: ONE, close: ONE, volume: ONE },
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const inSteps = ({ from, to }: BarRange): readonly number[] => [from / STEP, to / STEP];

/** @param groups what the ledger finds, one after the other; @param absent what the venue does not have */
function open(
  groups: readonly { readonly isNew: boolean; readonly holes: readonly (readonly [number, number])[] }[],
  absent: readonly number[] = [],
) {
  const left = [...groups];
  const [requests, saved, noted, told]: [number[], number[], (readonly number[])[], object[]] = [[], [], [], []];
  const asked: object[] = [];
  const past = new PastBars({
    account: 'main',
    venue: 'paper',
    intervalMs: STEP,
    bars: {
      saveBars: async (_, bars) => void saved.push(...bars.map(({ openTime }) => openTime / STEP)),
      async newestHoles(of) {
        asked.push(of);
        const next = left.shift();
        return next && { isNew: next.isNew, holes: next.holes.map(([from, to]) => ({ from: from * STEP, to: to * STEP })) };
      },
      noteAbsent: async ({ ranges }) => void noted.push(...ranges.map(inSteps)),
    },
    store: { openIncident: async (events: Events) => void told.push(...(events.audit ?? []).map(({ data }) => data)) },
    reader: {
      async bars(_, __, from, limit) {
        requests.push(from / STEP);
        return range(from / STEP, from / STEP + limit + absent.length)
          .filter((index) => !absent.includes(index))
          .slice(0, limit)
          .map(bar);
      },
    },
    stored: async () => undefined,
    report: (error) => expect.fail(String(error)),
  });
  past.lookBefore('BTC/USDT', 2_000 * STEP);
  past.fill();
  return { requests, saved, noted, told, asked, left };
}

it('holes that lie together are one request and one notice, and what is stored between them is not absent', async () => {
  const holes = [1_001, 999, 997, 995, 993].map((index) => [index, index] as const);
  // Of these 998 is stored: the venue does not tell it any more.
  const feed = open(
    [
      { isNew: true, holes },
      { isNew: true, holes: [[4, 99]] },
    ],
    [995, 998, 999],
  );
  await eventually(() => expect([feed.left, feed.told]).toEqual([[], expect.objectContaining({ length: 2 })]));
  await eventually(() => expect(feed.asked).toHaveLength(3));
  expect(feed.requests).toEqual([993, 4]);
  expect(feed.told).toEqual([
    { instrument: 'BTC/USDT', from: 993_000, to: 1_001_000, missing: 5 },
    { instrument: 'BTC/USDT', from: 4_000, to: 99_000, missing: 96 },
  ]);
  expect(feed.noted).toEqual([
    [995, 995],
    [999, 999],
  ]);
  expect(feed.saved).toEqual(expect.arrayContaining([993, 997, 1_001, ...range(4, 99)]));
  expect(feed.asked[0]).toMatchObject({ span: 500, againMs: 86_400_000, times: 8 });
});

it('a hole that is longer than a request takes as many as it needs', async () => {
  const feed = open([{ isNew: true, holes: [[100, 1_299]] }]);
  await eventually(() => expect(feed.asked).toHaveLength(2));
  expect(feed.requests).toEqual([100, 600, 1_100]);
  expect(feed.saved).toEqual(range(100, 1_299));
  expect([feed.told.length, feed.noted]).toEqual([1, []]);
});

it('what was not there before is asked for again without a notice', async () => {
  const feed = open([{ isNew: false, holes: [[100, 109]] }], [105]);
  await eventually(() => expect(feed.asked).toHaveLength(2));
  expect([feed.told, feed.noted]).toEqual([[], [[105, 105]]]);
  expect(feed.saved).toEqual(range(100, 109).filter((index) => index !== 105));
});
