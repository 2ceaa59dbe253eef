import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadOnnxModel } from '../../adapters/model/onnx-model.js';
import type { Bar } from '../../core/bars/bar.js';
import { quantize, type DecimalText } from '../../core/money/index.js';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { readPriceRows } from '../../exchange/market/read-rows.js';
import { approvedModel, defaultConfig } from '../soak/demo-sources.js';

const FILE = new URL('../../../shared/market-data/Coinbase-BTC-USD-PT4H-20160518_20251028.json', import.meta.url).pathname;
const CENT = '0.01' as DecimalText;
const INTERVAL_MS = 4 * 3_600_000;

test.skipIf(!existsSync(FILE))('recorded BTC candles (../shared/market-data): every step holds its bounds, turns alternate', async () => {
  const bars = readPriceRows(FILE)
    .slice(-3_000)
    .map((row): Bar => ({
      instrument: 'BTC/USD',
      intervalMs: INTERVAL_MS,
      openTime: row.time,
      closeTime: row.time + INTERVAL_MS - 1,
      open: quantize(row.open, CENT),
      high: quantize(row.high, CENT),
      low: quantize(row.low, CENT),
      close: quantize(row.close, CENT),
      volume: '0' as DecimalText,
    }));
  const model = await loadOnnxModel({ ...approvedModel(defaultConfig()), featureNames: momentumTrend.featureNames });
  const intents: string[] = [];
  const scores: number[] = [];
  for (let end = momentumTrend.lookbackBars; end <= bars.length; end += 1) {
    const step = momentumTrend.step(bars.slice(end - momentumTrend.lookbackBars, end));
    expect(step.features.every((value) => Math.abs(value) <= 8)).toBe(true);
    if (step.intent !== 'none') intents.push(step.intent);
    if (step.intent === 'open') scores.push(await model.score(step.features));
  }
  expect(intents.length).toBeGreaterThan(100);
  expect(intents.every((intent, index) => index === 0 || intent !== intents[index - 1])).toBe(true);
  expect(scores.every((score) => score > 0 && score < 1)).toBe(true);
  expect(scores.some((score) => score >= model.threshold)).toBe(true);
  expect(scores.some((score) => score < model.threshold)).toBe(true);
});
