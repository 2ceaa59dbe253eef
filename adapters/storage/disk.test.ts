import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { checkDisk } from '../../core/checks/judge.js';
import { roomOf } from './disk.js';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<{ statfs: typeof statfs }>();
  return { ...real, statfs: vi.fn<typeof statfs>(real.statfs) };
});
afterEach(() => vi.mocked(statfs).mockClear());

/** 2,000,000 blocks of 4 KiB: 8.2 GB. */
const DISK = { type: 0, bsize: 4_096, blocks: 2_000_000, bfree: 900_000, bavail: 0, files: 1, ffree: 1 };

it.each([
  ['has what an ordinary user may use, not what is kept for root', 500_000, { freeBytes: 2_048_000_000, wholeBytes: 8_192_000_000 }, []],
  [
    'is full for us while root may still write',
    400_000,
    { freeBytes: 1_638_400_000, wholeBytes: 8_192_000_000 },
    ['1.6 GB of the disk are free; it should be 2.0 GB'],
  ],
])('a disk %s', async (_, bavail, room, found) => {
  vi.mocked(statfs).mockResolvedValueOnce({ ...DISK, bavail });
  expect(await roomOf('/somewhere')).toEqual(room);
  expect(checkDisk(room)).toEqual(found);
  expect(statfs).toHaveBeenCalledWith('/somewhere');
});

it('a real folder is on a disk of some size', async () => {
  const { freeBytes, wholeBytes } = await roomOf(tmpdir());
  expect(wholeBytes).toBeGreaterThan(1_000_000);
  expect(freeBytes).toBeGreaterThanOrEqual(0);
  expect(freeBytes).toBeLessThanOrEqual(wholeBytes);
});

it('a folder that is not there yet is looked for on the disk of the nearest one above it', async () => {
  const { wholeBytes } = await roomOf(tmpdir());
  expect(await roomOf(join(tmpdir(), 'nothing', 'is', 'here'))).toMatchObject({ wholeBytes });
  // What is no folder at all is an error, and not another disk.
  await expect(roomOf(join(fileURLToPath(import.meta.url), 'within'))).rejects.toThrow('ENOTDIR');
});
