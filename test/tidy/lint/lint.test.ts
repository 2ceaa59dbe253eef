import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../tree.js';

/** Files that break a rule each, and the rule that must say so. They lie in a folder of their own with our configuration. */
const BROKEN: Readonly<Record<string, readonly [source: string, rule: string]>> = {
  'workflows/unawaited.ts': [
    "import { proxyActivities } from '@temporalio/workflow';\nconst { submit } = proxyActivities<{ submit(): Promise<void> }>({ startToCloseTimeout: '1s' });\nexport async function flow(): Promise<void> {\n  submit();\n  await submit();\n}\n",
    'typescript(no-floating-promises)',
  ],
  'core/clock.ts': ['export const now = (): number => Date.now();\n', 'eslint(no-restricted-properties)'],
  'core/chance.ts': ['export const chance = (): number => Math.random();\n', 'eslint(no-restricted-properties)'],
  'workflows/environment.ts': ["export const name = (): string | undefined => process.env['NAME'];\n", 'eslint(no-restricted-globals)'],
  'activities/talk.ts': ["export const talk = (): void => console.log('x');\n", 'eslint(no-console)'],
  'api/anything.ts': ['export const anything = (value: any): string => String(value);\n', 'typescript(no-explicit-any)'],
  'api/unsafe.ts': ['export const unsafe = (text: string): string => JSON.parse(text);\n', 'typescript(no-unsafe-return)'],
  'api/default.ts': ['const value = 1;\nexport default value;\n', 'import(no-default-export)'],
  'api/long.ts': [`export const lines = [\n${'  1,\n'.repeat(500)}];\n`, 'eslint(max-lines)'],
  'api/fine.ts': ['export const fine = (): number => Date.now();\n', ''],
};

describe('the linter', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-lint-'));
  let diagnostics: { filename: string; code: string }[] = [];

  beforeAll(() => {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) copyFileSync(join(ROOT, file), join(folder, file));
    for (const [path, [source]] of Object.entries(BROKEN)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
    const oxlint = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const { stdout } = spawnSync(process.execPath, [oxlint, '--type-aware', '--format=json', ...Object.keys(BROKEN)], {
      cwd: folder,
      encoding: 'utf8',
    });
    ({ diagnostics } = JSON.parse(stdout) as { diagnostics: typeof diagnostics });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.entries(BROKEN))('says of %s what is wrong with it', (path, [, rule]) => {
    const codes = diagnostics.filter(({ filename }) => filename === path).map(({ code }) => code);
    expect(codes).toEqual(rule === '' ? [] : [rule]);
  });
});
