import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { readOnnxMetadata } from '../../adapters/model/onnx-metadata.js';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { packagedSeriesPath, readDailySeries } from './daily-series.js';
import { reportText } from './report.js';
import { train, TRAINING_PLAN, type TrainingResult } from './train.js';

const series = readDailySeries(packagedSeriesPath());
let result: TrainingResult;

beforeAll(() => {
  result = train(series, TRAINING_PLAN);
});

test('training again gives the committed file, byte for byte', () => {
  const committed = readFileSync(new URL('../../models/momentum-entry.onnx', import.meta.url));
  expect(result.hash).toBe(createHash('sha256').update(committed).digest('hex'));
});

test('nothing after the training window reaches the model', () => {
  const end = series.dates.findIndex((date) => date > TRAINING_PLAN.trainedTo);
  const { open, high, low, close } = series.prices;
  const altered = [open, high, low, close].map((column) => column.map((price, index) => (index < end ? price : 1000 + (index % 7))));
  const [o, h, l, c] = altered;
  if (!o || !h || !l || !c) throw new Error('four columns');
  expect(train({ ...series, prices: { open: o, high: h, low: l, close: c } }, TRAINING_PLAN).hash).toBe(result.hash);
});

test('the metadata tell where the model comes from', () => {
  const metadata = readOnnxMetadata(result.bytes);
  expect(JSON.parse(metadata.get('featureNames') ?? '')).toEqual(momentumTrend.featureNames);
  expect(metadata.get('dataHash')).toBe(createHash('sha256').update(readFileSync(packagedSeriesPath())).digest('hex'));
  expect(metadata.get('seed')).toBe(String(TRAINING_PLAN.seed));
  expect(metadata.get('strategyVersion')).toBe(momentumTrend.version);
  expect([metadata.get('trainedFrom'), metadata.get('trainedTo')]).toEqual(['2000-01-03', '2011-12-30']);
  expect(JSON.parse(metadata.get('walkForward') ?? '')).toMatchObject({ from: '2004-01-02', gate: { entries: 67 } });
});

test('the documentation quotes the report as the training prints it', () => {
  const page = readFileSync(new URL('../../docs/concepts/strategy-and-model.md', import.meta.url), 'utf8');
  expect(page).toContain(reportText(result, TRAINING_PLAN, series.fileHash));
});
