import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DiskFacts } from '../../core/checks/facts.js';

/** Room on the disk of a folder, as an ordinary user may use it; one that is not there yet will be on that of the nearest one above it. */
export async function roomOf(folder: string): Promise<DiskFacts> {
  const above = dirname(folder);
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, wholeBytes: blocks * bsize };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    return roomOf(above);
  }
}
