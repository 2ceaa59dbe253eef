import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvidenceFile, EvidenceFiles } from '../../activities/ports/kill.js';

/** What a halt without Temporal leaves behind begins so, followed by the account. */
export const directPrefix = (account: string): string => `direct-${account}-`;

/** Evidence in a folder of the home. Readable by its owner only: it tells what is held. */
export function evidenceFiles(folder: string): EvidenceFiles {
  return {
    async write(name, content): Promise<EvidenceFile> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, name);
      const unfinished = `${path}.${randomUUID()}.part`;
      const file = await open(unfinished, 'wx', 0o600);
      try {
        await file.writeFile(content);
        // It is named in the audit: then it is on the disk.
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
      return { path, sha256: sha256(content) };
    },
    async readDirect(account, sinceTime) {
      const names = await readdir(folder).catch(() => []);
      const ours = names.filter((name) => name.startsWith(directPrefix(account)) && name.endsWith('.json')).toSorted();
      const times = await Promise.all(ours.map(async (name) => (await stat(join(folder, name))).mtimeMs));
      const recent = ours.filter((_, index) => (times[index] ?? 0) >= sinceTime);
      return Promise.all(
        recent.map(async (name) => {
          const text = await readFile(join(folder, name), 'utf8');
          return { name, sha256: sha256(text), content: parsed(text) };
        }),
      );
    },
  };
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
