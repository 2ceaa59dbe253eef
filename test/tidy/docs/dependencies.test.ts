import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../tree.js';
import { lockfileFaults, unexplained, type Lockfile, type Manifest } from './dependencies.js';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as Manifest;

describe('the page of dependencies', () => {
  it('misses a reason, a pin and a leftover', () => {
    const findings = unexplained(
      { dependencies: { pg: '^8.0.0' }, devDependencies: { vitest: '4.1.12' } },
      '| `pg` | the database |\n| `gone` | once |',
    );
    expect(findings).toEqual(['pg is ^8.0.0: pin one version', 'vitest has no reason on the page', 'gone is on the page, but not used']);
  });
  it('is complete', () => expect(unexplained(manifest, read('docs/reference/dependencies.md'))).toEqual([]));
});

describe('the lockfile', () => {
  it('is judged', () => {
    const packages = {
      'node_modules/pg': { version: '8.0.1', resolved: 'https://somewhere/pg.tgz' },
      'node_modules/ws': { version: '1.0.0' },
      'node_modules/core': { integrity: 'sha512-x', optionalDependencies: { 'core-win32-x64': '1.0.0' } },
    };
    expect(lockfileFaults({ dependencies: { pg: '8.0.0' } }, { packages })).toEqual([
      'node_modules/pg names where it comes from: https://somewhere/pg.tgz',
      'node_modules/ws has no integrity hash',
      'core-win32-x64 is left out: run node scripts/complete-lockfile.mjs',
      'pg is not locked at 8.0.0',
    ]);
  });
  it('is fit for any registry', () => expect(lockfileFaults(manifest, JSON.parse(read('package-lock.json')) as Lockfile)).toEqual([]));
});
