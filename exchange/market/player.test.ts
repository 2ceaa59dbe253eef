import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { instrumentOf } from './instrument.js';
import { generateRows } from './generate-rows.js';
import { Player } from './player.js';
import { Series } from './series.js';
import { Tape } from './tape.js';

const rows = generateRows({ seed: 5, startPrice: 100, volatility: 0.01, bars: 500 });
const START = 1_800_000_000_000;

function tapeOf(kept: typeof rows): Tape {
  const series = new Series(kept, { firstRow: 0, lastRow: kept.length - 1, startOffset: 0, atEnd: 'loop' });
  const instrument = instrumentOf({ name: 'A1/USDT', origin: 'simulated', source: 'test', price: 100 });
  return new Tape(instrument, series, { intervalMs: 1000, anchorTime: START }, 7);
}

function played(tape: Tape): { closed: { index: number; at: number }[]; ticks: string[]; player: Player } {
  const closed: { index: number; at: number }[] = [];
  const ticks: string[] = [];
  const listener = {
    onTick: ({ bar, tick }: { bar: { index: number }; tick: number }) => void ticks.push(`${bar.index}.${tick}`),
    onBarClosed: (_: Tape, bar: { index: number }) => void closed.push({ index: bar.index, at: Date.now() }),
    onMoment: () => undefined,
  };
  return { closed, ticks, player: new Player([tape], listener, Date.now) };
}

beforeEach(() => {
  vi.useFakeTimers({ now: START + 350 });
});

afterEach(() => {
  vi.useRealTimers();
});

test('every tick is played once and every bar is closed at its end', () => {
  const { closed, ticks, player } = played(tapeOf(rows));
  player.start();
  vi.advanceTimersByTime(3000);
  player.stop();
  expect(closed).toEqual([0, 1, 2].map((index) => ({ index, at: START + (index + 1) * 1000 })));
  expect(ticks).toEqual(['0.3', ...Array.from({ length: 30 }, (_, count) => `${Math.floor((count + 4) / 10)}.${(count + 4) % 10}`)]);
});

test('a process that was held up plays what it missed, in order', () => {
  const { closed, ticks, player } = played(tapeOf(rows));
  player.start();
  vi.setSystemTime(START + 5_050);
  vi.advanceTimersByTime(200);
  player.stop();
  expect(closed.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  expect(new Set(ticks).size).toBe(ticks.length);
});

test('after a long sleep it goes on from now', () => {
  const { closed, player } = played(tapeOf(rows));
  player.start();
  vi.setSystemTime(START + 1_000_050);
  vi.advanceTimersByTime(1100);
  player.stop();
  expect(closed.map(({ index }) => index)).toEqual([999, 1000]);
});

test('a gap has no ticks and no close', () => {
  const hourly = rows.map((row, index) => ({ ...row, time: index * 3_600_000 })).filter((_, index) => index !== 1);
  const { closed, ticks, player } = played(tapeOf(hourly));
  player.start();
  vi.advanceTimersByTime(3000);
  player.stop();
  expect(closed.map(({ index }) => index)).toEqual([0, 2]);
  expect(ticks.some((tick) => tick.startsWith('1.'))).toBe(false);
});
