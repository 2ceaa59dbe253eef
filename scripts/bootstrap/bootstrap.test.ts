import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const load = async <T>(file: string) => (await import(new URL(file, import.meta.url).href)) as T;
const { nodeProblem } = await load<{ nodeProblem: (version: string) => string | undefined }>('./node-version.mjs');
const { withLock } = await load<{
  withLock: <T>(work: () => Promise<T>, whenWaiting: (pid: number) => void, path: string) => Promise<T>;
}>('./lock.mjs');

describe('the version of Node', () => {
  it.each(['20.20.2', '20.21.0', '22.0.0', '100.1.0'])('%s will do', (version) => expect(nodeProblem(version)).toBeUndefined());
  it.each(['18.19.1', '20.9.0', '20.20.1'])('%s is told what is needed', (version) => {
    expect(nodeProblem(version)).toContain(`needs Node 20.20.2 or newer; this is ${version}`);
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
