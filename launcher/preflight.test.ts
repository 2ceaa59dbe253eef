import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import { rootFolder } from '../config/index.js';
import { preflight } from './preflight.js';

const sound = join(rootFolder(), 'keelson.config.json');
const nobody = 'postgres://user:secret@127.0.0.1:1/ledger';
let folder: string;
let wrong: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-preflight-'));
  wrong = join(folder, 'wrong.json');
  writeFileSync(wrong, '{ "venues": {}, "accounts": {}, "strategies": [], "limits": {}, "demo": { "balances": {} }, "bogus": 1 }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function failureOf(configFile: string, env: NodeJS.ProcessEnv) {
  try {
    await preflight(configFile, env);
  } catch (error) {
    if (error instanceof KeelsonError) return error.failure;
    throw error;
  }
  throw new Error('it found nothing');
}

describe('preflight', () => {
  it('gives the configuration when there is nothing to complain of', async () => {
    expect((await preflight(sound, {})).strategies).not.toEqual([]);
  });

  it('tells a single problem as it is, and no password', async () => {
    const failure = await failureOf(sound, { DATABASE_URL: nobody });
    expect(failure.code).toBe('CONFIG_DATABASE');
    expect(failure.message).toContain('ECONNREFUSED');
    expect(failure.message).not.toContain('secret');
  });

  it('tells the problems of file, environment and servers at once', async () => {
    const failure = await failureOf(wrong, { DATABASE_URL: nobody, LOG_LEVEL: 'loud', ENVIRONMENT: 'moon' });
    expect(failure.code).toBe('CONFIG_INVALID');
    expect(failure.values['count']).toBe(4);
    for (const path of ['bogus', 'LOG_LEVEL', 'ENVIRONMENT', 'DATABASE_URL']) expect(failure.message).toContain(`\n  ${path}: `);
  });
});
