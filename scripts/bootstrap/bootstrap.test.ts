import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { failure } from '../../core/errors.js';

const load = async <T>(file: string) => (await import(new URL(file, import.meta.url).href)) as T;
const { nodeProblem } = await load<{ nodeProblem: (version: string) => string | undefined }>('./node-version.mjs');
const { linkProblem } = await load<{ linkProblem: (path: string) => string | undefined }>('./packages.mjs');
const { withLock } = await load<{
  withLock: <T>(work: () => Promise<T>, whenWaiting: (pid: number) => void, path: string) => Promise<T>;
}>('./lock.mjs');

describe('the version of Node', () => {
  it.each(['20.20.2', '20.21.0', '22.0.0', '100.1.0'])('%s will do', (version) => expect(nodeProblem(version)).toBeUndefined());
  it.each(['18.19.1', '20.9.0', '20.20.1'])('%s is told what is needed', (version) => {
    expect(nodeProblem(version)).toContain(`needs Node 20.20.2 or newer; this is ${version}`);
  });
});

describe('packages behind a link', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keelson-link-')));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('a clone whose node_modules leads to other packages is refused, and they stay as they are', () => {
    const [clone, others] = [join(folder, 'clone'), join(folder, 'others')];
    mkdirSync(join(others, 'somebodys'), { recursive: true });
    cpSync(new URL('.', import.meta.url).pathname, join(clone, 'scripts/bootstrap'), { recursive: true });
    for (const file of ['package.json', 'package-lock.json']) cpSync(new URL(`../../${file}`, import.meta.url).pathname, join(clone, file));
    symlinkSync(others, join(clone, 'node_modules'));
    const program = `const { prepare } = await import(process.argv[1]); await prepare('text');`;
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', program, join(clone, 'scripts/bootstrap/prepare.mjs')],
      { cwd: clone, encoding: 'utf8' },
    );
    const { code, message } = failure('CONFIG_PACKAGES_LINKED', { path: join(clone, 'node_modules'), target: others });
    expect({ status, stdout }).toEqual({ status: 78, stdout: `✗ ${code}: ${message}\n` });
    expect(readdirSync(others)).toEqual(['somebodys']);
  });

  it('a folder of its own, and none, are no problem', () => {
    expect([linkProblem(folder), linkProblem(join(folder, 'nothing'))]).toEqual([undefined, undefined]);
  });
});

describe('the lock of the clone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-lock-'));
  const path = join(folder, 'lock');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('lets one work at a time, and tells who is waited for', async () => {
    const events: string[] = [];
    const work = (name: string) =>
      withLock(
        async () => {
          events.push(`${name} begins`);
          await new Promise((resolve) => setImmediate(resolve));
          events.push(`${name} ends`);
        },
        (pid) => events.push(`waits for ${pid}`),
        path,
      );
    await Promise.all([work('first'), work('second')]);
    expect(events).toEqual(['first begins', `waits for ${process.pid}`, 'first ends', 'second begins', 'second ends']);
    expect(existsSync(path)).toBe(false);
  });

  it('is given back when the work fails', async () => {
    await expect(
      withLock(
        () => Promise.reject(new Error('no')),
        () => {},
        path,
      ),
    ).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['of a process that is gone', { pid: 2 ** 22 + 1, host: hostname() }, Date.now()],
    ['without a heartbeat', { pid: process.pid, host: 'another' }, Date.now() - 60_000],
  ])('is taken over when it is %s', async (_, holder, time) => {
    writeFileSync(path, JSON.stringify(holder));
    utimesSync(path, new Date(time), new Date(time));
    await expect(
      withLock(
        () => Promise.resolve('done'),
        () => {},
        path,
      ),
    ).resolves.toBe('done');
  });
});
