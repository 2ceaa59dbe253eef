import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readPriceRows } from './read-rows.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-rows-'));
const MIDNIGHT = Date.UTC(2020, 0, 1);
const STEP_MS = 300_000;

afterAll(() => rmSync(folder, { recursive: true }));

const candle = (index: number): unknown => {
  const start = String((MIDNIGHT + index * STEP_MS) / 1000);
  return { start, open: '1', high: '3', low: '0.5', close: '2', volume: '7' };
};

const ohlc = (index: number): unknown => {
  const endTime = MIDNIGHT + (index + 1) * STEP_MS - 1;
  return { endTime, openPrice: 1, highPrice: 3, lowPrice: 0.5, closePrice: 2, volume: 7, amount: 0 };
};

test.each([
  ['CSV', `time,open,high,low,close,volume\n${[0, 1].map((index) => `${MIDNIGHT + index * STEP_MS},1,3,0.5,2,7`).join('\n')}\n`],
  ['JSON with the starts of bars in seconds', JSON.stringify({ candles: [candle(0), candle(1)] })],
  ['JSON with the ends of bars in milliseconds', JSON.stringify({ name: 'A/B', ohlc: [ohlc(0), ohlc(1)] })],
])('%s: a recording gives its bars by their opening times', (_, content) => {
  const file = join(folder, 'recording');
  writeFileSync(file, content);
  const bar = { open: 1, high: 3, low: 0.5, close: 2, volume: 7 };
  expect(readPriceRows(file)).toEqual([
    { ...bar, time: MIDNIGHT },
    { ...bar, time: MIDNIGHT + STEP_MS },
  ]);
});
