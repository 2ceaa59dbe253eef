import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import { checkFiles, loadConfig } from './index.js';

const path = new URL('../keelson.config.json', import.meta.url).pathname;
const config = loadConfig({ path, env: {} });
const folder = mkdtempSync(join(tmpdir(), 'keelson-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const failureOf = (action: () => void): { code: string; message: string } => {
  try {
    action();
  } catch (error) {
    if (error instanceof KeelsonError) return error.failure;
    throw error;
  }
  throw new Error('no problem was found');
};

test('files are looked for beside the configuration, and all problems are told', () => {
  const { code, message } = failureOf(() => checkFiles(config, join(folder, 'keelson.config.json')));
  expect(code).toBe('CONFIG_INVALID');
  expect(message).toContain(`strategies[0].model.path: There is no model at ${folder}/models/momentum-entry.onnx.`);
  expect(message).toContain(`demo.data[0].path: expected a file of recorded bars, found none at ${folder}/node_modules/`);
});

test('a model that is not the approved one has its own code', () => {
  writeFileSync(join(folder, 'other.onnx'), 'not the model');
  const [strategy] = config.strategies;
  const strategies = strategy ? [{ ...strategy, model: { ...strategy.model, path: 'other.onnx' } }] : [];
  const { code, message } = failureOf(() =>
    checkFiles({ ...config, strategies, demo: { ...config.demo, data: [] } }, join(folder, 'c.json')),
  );
  expect(code).toBe('MODEL_HASH_MISMATCH');
  expect(message).toContain(`${strategy?.model.sha256} was approved`);
});
