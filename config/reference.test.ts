import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENVIRONMENT_VARIABLES, loadConfig } from './index.js';
import { configJsonSchema, configKeys } from './json-schema.js';

const root = new URL('..', import.meta.url).pathname;

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** The table of keys in `docs/reference/configuration.md`. */
function keyTable(): string {
  const usual = (value: string | undefined): string => (value === undefined ? '**required**' : value === 'none' ? '–' : `\`${value}\``);
  return [
    '| key | default | meaning |',
    '|---|---|---|',
    ...configKeys().map((key) => row([`\`${key.path}\``, usual(key.usual), key.meaning])),
  ].join('\n');
}

/** The table of environment variables in `docs/reference/configuration.md`. */
function environmentTable(): string {
  const also = ({ name, isSecret, perAccount }: (typeof ENVIRONMENT_VARIABLES)[number]): string =>
    [...(perAccount ? [`\`${name}_<ACCOUNT>\``] : []), ...(isSecret ? [`\`…_FILE\``] : [])].join(', ') || '–';
  return [
    '| variable | also as | default | meaning |',
    '|---|---|---|---|',
    ...ENVIRONMENT_VARIABLES.map((variable) => row([`\`${variable.name}\``, also(variable), variable.usual, variable.meaning])),
  ].join('\n');
}

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
