import { mkdir, mkdtemp, open, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directName, evidenceFiles } from './evidence-files.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-evidence-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const stamp = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

describe('what halts without Temporal have left', () => {
  it('is of the account alone, also where the name of another begins with it', async () => {
    const files = evidenceFiles(folder);
    for (const [index, account] of ['main', 'main-2', 'main-2026-01-01T00-00-00-000Z', 'ma', 'main-'].entries()) {
      await files.write(directName(account, stamp(index)), JSON.stringify({ account }));
    }
    for (const account of ['main', 'main-2', 'ma', 'main-']) {
      expect((await files.readDirect(account, 0)).map((one) => 'content' in one && one.content)).toEqual([{ account }]);
    }
    expect(await files.readDirect('other', 0)).toEqual([]);
  });

  it('is told as far as it can be read, with the names of the rest', async () => {
    const files = evidenceFiles(folder);
    const names = [0, 1, 2, 3, 4, 5].map((minute) => directName('main', stamp(minute)));
    const [good = '', aFolder = '', broken = '', huge = '', nowhere = '', old = ''] = names;
    const { sha256 } = await files.write(good, '{"it":"was told"}');
    await mkdir(join(folder, aFolder));
    await writeFile(join(folder, broken), '{"lines":["12:00');
    const file = await open(join(folder, huge), 'w');
    await file.truncate(4_000_001);
    await file.close();
    await symlink(nowhere, join(folder, nowhere));
    await files.write(old, '{}');
    await utimes(join(folder, old), 1, 1);
    await mkdir(join(folder, 'direct-main-x.json'));
    expect(await files.readDirect('main', 10_000)).toEqual([
      { name: good, sha256, content: { it: 'was told' } },
      { name: aFolder, unread: 'it is no file' },
      { name: broken, sha256: expect.any(String), content: '{"lines":["12:00' },
      { name: huge, unread: 'it is larger than 4 MB' },
      { name: nowhere, unread: 'ELOOP' },
    ]);
  });

  it('is nothing where there is no folder, and says so where it cannot be listed', async () => {
    expect(await evidenceFiles(join(folder, 'none')).readDirect('main', 0)).toEqual([]);
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(await evidenceFiles(file).readDirect('main', 0)).toEqual([{ name: 'the folder of the evidence', unread: 'ENOTDIR' }]);
  });
});
