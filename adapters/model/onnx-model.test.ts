import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { momentumTrend } from '../../core/strategy/momentum-trend.js';
import { packagedSeriesPath, readDailySeries } from '../../scripts/train/daily-series.js';
import { scoreOf } from '../../scripts/train/logistic.js';
import { stepsOver } from '../../scripts/train/round-trip.js';
import { train, TRAINING_PLAN } from '../../scripts/train/train.js';
import { readOnnxMetadata } from './onnx-metadata.js';
import { loadOnnxModel } from './onnx-model.js';

const path = new URL('../../models/momentum-entry.onnx', import.meta.url).pathname;
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const expectedHash = hashOf(readFileSync(path));
const { featureNames } = momentumTrend;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-model-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('the approved model loads with its description', async () => {
  const model = await loadOnnxModel({ path, expectedHash, featureNames });
  expect(model).toMatchObject({ hash: expectedHash, featureNames, trainedFrom: '2000-01-03', trainedTo: '2011-12-30' });
  expect(model.threshold).toBeGreaterThan(0);
  expect(model.threshold).toBeLessThan(1);
});

test('the runtime scores as the training did, scaler included', async () => {
  const series = readDailySeries(packagedSeriesPath());
  const trained = train(series, TRAINING_PLAN);
  const model = await loadOnnxModel({ path, expectedHash, featureNames });
  const rows = stepsOver(series.prices).flatMap((step) => (step.intent === 'open' ? [step.features] : []));
  expect(rows.length).toBeGreaterThan(100);
  for (const features of rows) expect(await model.score(features)).toBeCloseTo(scoreOf(trained.model, features), 5);
});

test('another file than the approved one is refused', async () => {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  const altered = join(folder, 'altered.onnx');
  writeFileSync(altered, bytes);
  await expect(loadOnnxModel({ path: altered, expectedHash, featureNames })).rejects.toMatchObject({
    failure: { code: 'MODEL_HASH_MISMATCH', values: { path: altered, found: hashOf(bytes), expected: expectedHash } },
  });
});

test('a model for other features, or without a description, is refused', async () => {
  const swapped = featureNames.toReversed();
  await expect(loadOnnxModel({ path, expectedHash, featureNames: swapped })).rejects.toMatchObject({
    failure: { code: 'MODEL_SCHEMA_MISMATCH' },
  });
  const text = join(folder, 'text.onnx');
  writeFileSync(text, 'not a model');
  await expect(loadOnnxModel({ path: text, expectedHash: hashOf(readFileSync(text)), featureNames })).rejects.toMatchObject({
    failure: { code: 'MODEL_SCHEMA_MISMATCH' },
  });
});

test('a missing file says what to do', async () => {
  await expect(loadOnnxModel({ path: join(folder, 'none.onnx'), expectedHash, featureNames })).rejects.toMatchObject({
    failure: { code: 'MODEL_MISSING' },
    message: expect.stringContaining('npm run train') as string,
  });
});

test('another number of features is refused', async () => {
  const model = await loadOnnxModel({ path, expectedHash, featureNames });
  await expect(model.score([1, 2])).rejects.toThrow('takes 10 features, not 2');
});

test('bytes that are no protobuf are refused by the reader of metadata', () => {
  expect(() => readOnnxMetadata(Uint8Array.of(0x72, 0xff))).toThrow(RangeError);
  expect(() => readOnnxMetadata(Uint8Array.of(0x72, 0x05, 0x01))).toThrow('beyond the end');
  expect(() => readOnnxMetadata(Uint8Array.of(0x07))).toThrow('wire type 7');
  expect(readOnnxMetadata(Uint8Array.of()).size).toBe(0);
});
