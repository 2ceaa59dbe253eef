import { statfs } from 'node:fs/promises';
import type { DiskFacts } from '../../core/checks/facts.js';

/** Room on the disk of a folder, as an ordinary user may use it. */
export async function roomOf(folder: string): Promise<DiskFacts> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, wholeBytes: blocks * bsize };
}
