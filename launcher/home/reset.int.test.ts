import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from './lock.js';
import { homePaths, prepareHome } from './paths.js';
import { planReset, resetHome } from './reset.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-reset-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filledHome() {
  const paths = homePaths(join(folder, 'home'));
  prepareHome(paths);
  mkdirSync(join(paths.postgres, 'data'), { recursive: true });
  writeFileSync(paths.ownerKey, 'key\n');
  writeFileSync(paths.venueJournal, '');
  return paths;
}

describe('reset', () => {
  it('removes all that Keelson put into the home, and the home', async () => {
    const paths = filledHome();
    const plan = await planReset(paths);
    expect(plan.paths).toEqual([paths.ownerKey, paths.keys, paths.postgres, paths.temporal, paths.venue, paths.logs]);
    await resetHome(paths, plan);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leaves what is not Keelson’s', async () => {
    const paths = filledHome();
    writeFileSync(join(paths.home, 'thesis.txt'), 'years of work');
    await resetHome(paths, await planReset(paths));
    expect(readdirSync(paths.home)).toEqual(['thesis.txt']);
  });

  it('removes the data folder that lies elsewhere, but no other that a pointer names', async () => {
    const paths = filledHome();
    const ours = join(folder, 'data-0123456789ab');
    const other = join(folder, 'documents');
    for (const path of [ours, other]) mkdirSync(path);
    const point = (dataDir: string): void =>
      writeFileSync(join(paths.postgres, 'data-is-elsewhere.json'), JSON.stringify({ dataDir, because: 'a test' }));
    point(other);
    expect((await planReset(paths)).paths).not.toContain(other);
    point(ours);
    await resetHome(paths, await planReset(paths));
    expect([existsSync(ours), existsSync(other)]).toEqual([false, true]);
  });

  it('is refused while Keelson runs from the home', async () => {
    const paths = filledHome();
    const plan = await planReset(paths);
    const taken = takeLock(paths.lock);
    await expect(planReset(paths)).rejects.toMatchObject({ failure: { code: 'INFRA_HOME_LOCKED' } });
    await expect(resetHome(paths, plan)).rejects.toMatchObject({ failure: { code: 'INFRA_HOME_LOCKED' } });
    expect(existsSync(paths.ownerKey)).toBe(true);
    if (taken.held) taken.lock.release();
  });

  it('finds nothing in a home that is not there, and makes none', async () => {
    const paths = homePaths(join(folder, 'nowhere'));
    expect((await planReset(paths)).paths).toEqual([]);
    await resetHome(paths, { paths: [] });
    expect(existsSync(paths.home)).toBe(false);
  });
});
