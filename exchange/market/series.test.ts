import { expect, test } from 'vitest';
import fc from 'fast-check';
import { instrumentOf } from './instrument.js';
import { generateRows } from './generate-rows.js';
import type { PriceRow } from './price-rows.js';
import { Series } from './series.js';
import { Tape } from './tape.js';

const rows = generateRows({ seed: 3, startPrice: 100, volatility: 0.01, bars: 50 });
const daily: PriceRow[] = rows.map((row, index) => ({ ...row, time: index * 86_400_000 }));

test('bars after the end go on from the last close, however often the data is played', () => {
  const rising = daily.map((row, index) => ({
    ...row,
    open: row.open * 1.1 ** index,
    high: row.high * 1.1 ** index * 1.2,
    low: row.low * 1.1 ** index * 0.9,
    close: daily[index + 1] === undefined ? row.close * 1.1 ** index : (daily[index + 1] as PriceRow).open * 1.1 ** (index + 1),
  }));
  const series = new Series(rising, { firstRow: 0, lastRow: 49, startOffset: 0, atEnd: 'loop' });
  for (let index = -60; index < 500; index += 1) {
    const [bar, next] = [series.bar(index), series.bar(index + 1)];
    expect(next?.open).toBeCloseTo(bar?.close as number, 6 - Math.round(Math.log10(bar?.close as number)));
    expect(bar?.close).toBeLessThan(100 * 1.1 ** 50 * 40);
  }
});

test('history comes from the rows before the window', () => {
  const series = new Series(daily, { firstRow: 20, lastRow: 49, startOffset: 5, atEnd: 'stop' });
  expect(series.bar(0)?.open).toBe(daily[25]?.open);
  expect(series.bar(-25)?.open).toBe(daily[0]?.open);
  expect(series.bar(25)).toBeUndefined();
  expect(series.endsBefore(25)).toBe(true);
});

test('a missing row of an intraday recording stays a gap, a weekend is none', () => {
  const hourly = rows.map((row, index) => ({ ...row, time: index * 3_600_000 })).filter((_, index) => index !== 10);
  const series = new Series(hourly, { firstRow: 0, lastRow: 48, startOffset: 0, atEnd: 'loop' });
  expect(series.bar(10)).toBeUndefined();
  expect(series.bar(11)?.open).toBe(rows[11]?.open);
  const weekdays = daily.filter((_, index) => index % 7 < 5);
  const window = { firstRow: 0, lastRow: weekdays.length - 1, startOffset: 0, atEnd: 'loop' } as const;
  expect(new Series(weekdays, window).bar(5)?.open).toBe(weekdays[5]?.open);
});

test('the path of a bar touches open, high, low and close and stays inside', () => {
  const instrument = instrumentOf({ name: 'BTC/USDT', origin: 'simulated', source: 'test', price: 100 });
  const series = new Series(daily, { firstRow: 0, lastRow: 49, startOffset: 0, atEnd: 'loop' });
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: -100, max: 1000 }), fc.constantFrom(20, 250, 1000, 60_000), (seed, index, intervalMs) => {
      const tape = new Tape(instrument, series, { intervalMs, anchorTime: 0 }, seed);
      const bar = tape.bar(index);
      if (bar === undefined) throw new Error('no bar');
      const prices = Array.from({ length: tape.ticksPerBar }, (_, tick) => tape.priceAt(bar, tick));
      expect(prices[0]).toBe(bar.open);
      expect(prices.at(-1)).toBe(bar.close);
      expect(Math.max(...prices)).toBe(bar.high);
      expect(Math.min(...prices)).toBe(bar.low);
      expect(tape.tickAt(tape.timeOf(index, 2))).toBe(2);
      expect(tape.indexAt(tape.timeOf(index, 2))).toBe(index);
    }),
    { numRuns: 200 },
  );
});
