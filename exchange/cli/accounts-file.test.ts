import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { accountsFrom } from './accounts-file.js';
import { parseFlags } from './flags.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-accounts-'));
const file = join(folder, 'accounts.json');

afterAll(() => rmSync(folder, { recursive: true }));

function write(content: string, mode = 0o600): void {
  writeFileSync(file, content);
  chmodSync(file, mode);
}

test('accounts come from a file instead of the default one', () => {
  expect(parseFlags(['--accounts-file', file])).toMatchObject({ accountsFile: file, accounts: [] });
  write('["a:key:secret:USDT=5", "b:key2:secret2::read"]');
  expect(accountsFrom(file).map(({ name, secret, permissions }) => [name, secret, permissions])).toEqual([
    ['a', 'secret', ['read', 'trade']],
    ['b', 'secret2', ['read']],
  ]);
});

test.each([
  ['readable by others', '["a:k:s"]', 0o640, /mode is 640.*chmod 600/],
  ['not JSON', '["a:key:very-secret', 0o600, /it is not JSON$/],
  ['no list', '{}', 0o600, /a JSON list/],
  ['wrong entries', '["a:k", "b:k:s:USDT=x"]', 0o600, /entry 1: NAME[^]*entry 2: account b/],
])('a file that is %s is refused', (_, content, mode, problem) => {
  write(content, mode);
  expect(() => accountsFrom(file)).toThrow(problem);
  expect(() => accountsFrom(file)).not.toThrow(/very-secret/);
});
