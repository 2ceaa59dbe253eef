import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, takeLock } from './lock.js';
import { identify, thisPlace } from './process-identity.js';
import { eventually } from '../../test/support/eventually.js';

const HOLD = fileURLToPath(new URL('fixtures/hold.mjs', import.meta.url));
const started: ChildProcess[] = [];
let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'keelson-lock-')), 'lock');
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

/** A process that tries for the lock; resolves when it has said whether it got it. */
function contender(): Promise<{ readonly held: boolean; readonly pid: number; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [HOLD, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve({ ...(JSON.parse(line) as { held: boolean; pid: number }), child }),
    );
  });
}

describe('the lock of a home', () => {
  it('is held by one of many that try at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, contender));
    const holders = results.filter((result) => result.held);
    expect(holders).toHaveLength(1);
    expect(lockHolder(folder)?.pid).toBe(holders[0]?.pid);
  });

  it('falls to exactly one of many when its holder is killed with -9', async () => {
    const first = await contender();
    expect(first.held).toBe(true);
    expect((await contender()).held).toBe(false);
    first.child.kill('SIGKILL');
    await eventually(() => expect(identify(first.pid)).toBeUndefined());
    const results = await Promise.all(Array.from({ length: 6 }, contender));
    expect(results.filter((result) => result.held)).toHaveLength(1);
  });

  it('is taken over when the holder’s number belongs to another process now', () => {
    const taken = takeLock(folder);
    expect(taken.held).toBe(true);
    const [name] = readdirSync(folder);
    const path = join(folder, name!);
    const record = JSON.parse(readFileSync(path, 'utf8')) as { holder: object };
    writeFileSync(path, JSON.stringify({ holder: { ...record.holder, startedAt: '1' } }));
    expect(lockHolder(folder)).toBeUndefined();
    const again = takeLock(folder);
    expect(again.held).toBe(true);
  });

  it('judges a holder on another boot or in another container by the age of its file', () => {
    const taken = takeLock(folder);
    expect(taken.held).toBe(true);
    const path = join(folder, readdirSync(folder)[0]!);
    const foreign = { ...identify(process.pid), place: `another ${thisPlace()}` };
    writeFileSync(path, JSON.stringify({ holder: foreign }));
    expect(lockHolder(folder)).toMatchObject({ place: foreign.place });
    expect(takeLock(folder).held).toBe(false);
    expect(takeLock(folder, () => Date.now() + 60_000).held).toBe(true);
  });

  it('can be taken again after it was given back', () => {
    for (let round = 0; round < 3; round += 1) {
      const taken = takeLock(folder);
      expect(taken.held).toBe(true);
      expect(takeLock(folder).held).toBe(false);
      if (taken.held) taken.lock.release();
      expect(lockHolder(folder)).toBeUndefined();
    }
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
