import { expect, test } from 'vitest';
import { generateRows } from './generate-rows.js';
import { instrumentOf } from './instrument.js';
import { intervalMsOf, intervalName, klineAt, klinesOf, type ClosedPart } from './klines.js';
import { Series } from './series.js';
import { Tape } from './tape.js';

const rows = generateRows({ seed: 5, startPrice: 100, volatility: 0.01, bars: 200 });
const series = new Series(rows, { firstRow: 0, lastRow: 199, startOffset: 0, atEnd: 'loop' });
const tape = new Tape(
  instrumentOf({ name: 'A1/USDT', origin: 'simulated', source: 'test', price: 100 }),
  series,
  { intervalMs: 1000, anchorTime: 0 },
  7,
);

test('intervals are read and named', () => {
  expect(['250ms', '1s', '5m', '4h', '1d', '1w'].map(intervalMsOf)).toEqual([250, 1000, 300_000, 14_400_000, 86_400_000, 604_800_000]);
  expect([250, 1000, 300_000, 14_400_000, 90_000].map(intervalName)).toEqual(['250ms', '1s', '5m', '4h', '90s']);
  for (const text of ['', '0s', '1', 's', '1y', '-1s', '1.5s']) expect(intervalMsOf(text)).toBeUndefined();
});

test('a longer kline is made of its bars, however it is put together', () => {
  const known: ClosedPart = { openTime: -1, before: 0, kline: undefined };
  for (let time = 60_000; time < 200_000; time += 333) {
    const whole = klineAt(tape, 60_000, time);
    expect(klineAt(tape, 60_000, time, known)).toEqual(whole);
    const bars = klinesOf(tape, { intervalMs: 1000, startTime: whole?.openTime, endTime: time, limit: 60, now: time });
    expect(whole?.high).toBe(Math.max(...bars.map((bar) => bar.high)));
    expect(whole?.low).toBe(Math.min(...bars.map((bar) => bar.low)));
    expect([whole?.open, whole?.close]).toEqual([bars[0]?.open, bars.at(-1)?.close]);
    expect(whole?.volume).toBe(bars.reduce((sum, bar) => sum + bar.volume, 0));
  }
});

test('klines end with the running one and hold to their bounds', () => {
  const query = { intervalMs: 1000, startTime: undefined, endTime: undefined, limit: 500, now: 90_500 };
  const newest = klinesOf(tape, query);
  expect(newest).toHaveLength(500);
  expect(newest.at(-1)?.openTime).toBe(90_000);
  expect(newest[0]?.openTime).toBe(-409_000);
  expect(klinesOf(tape, { ...query, startTime: 80_001, endTime: 83_000 }).map((kline) => kline.openTime)).toEqual([81_000, 82_000, 83_000]);
  expect(klinesOf(tape, { ...query, startTime: 95_000 })).toEqual([]);
});
