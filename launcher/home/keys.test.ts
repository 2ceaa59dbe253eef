import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownerKey, paperKeys } from './keys.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

it('makes the owner’s key once, closed to others', () => {
  const path = join(folder, 'owner-key');
  const key = ownerKey(path);
  expect(key).toMatch(/^keelson_[\w-]{43}$/);
  expect(ownerKey(path)).toBe(key);
  expect(modeOf(path)).toBe('600');
});

it('makes a paper key for each account, and keeps those that are there', () => {
  const path = join(folder, 'keys.json');
  const first = paperKeys(path, ['main']);
  const second = paperKeys(path, ['main', 'other']);
  expect(second['main']).toEqual(first['main']);
  expect(second['other']?.apiKey).not.toBe(first['main']?.apiKey);
  expect(modeOf(path)).toBe('600');
});
