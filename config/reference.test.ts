import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from './index.js';
import { configJsonSchema, configKeys } from './json-schema.js';
import { environmentTable, keyTable } from './reference.js';

const root = new URL('..', import.meta.url).pathname;

test('the published schema is the one of the code (WRITE_SCHEMA=1 writes it)', () => {
  const path = join(root, 'config/keelson.schema.json');
  if (process.env['WRITE_SCHEMA'] === '1') writeFileSync(path, `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(configJsonSchema());
});

test('every key says what it means', () => {
  expect(configKeys().filter((key) => key.meaning === '')).toEqual([]);
});

test('the reference lists every key and every variable as they are', () => {
  const page = readFileSync(join(root, 'docs/reference/configuration.md'), 'utf8');
  expect(page).toContain(keyTable());
  expect(page).toContain(environmentTable());
});

test('the approved models of the default configuration are the files in the repository', () => {
  const config = loadConfig({ path: join(root, 'keelson.config.json'), env: {} });
  for (const { model } of config.strategies) {
    const path = join(root, model.path);
    if (!existsSync(path)) continue;
    expect({ path: model.path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') }).toEqual({
      path: model.path,
      sha256: model.sha256,
    });
  }
});
