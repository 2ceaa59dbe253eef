import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DirectRun, EvidenceFile, EvidenceFiles } from '../../activities/ports/kill.js';

/** No run without Temporal tells so much. */
const MOST_BYTES = 4_000_000;
/** The time in a name: a colon is not a file's everywhere. */
const STAMP = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/;

/** How what a halt without Temporal leaves behind is called. @param at ISO time */
export function directName(account: string, at: string): string {
  return `direct-${account}-${at.replaceAll(/[:.]/g, '-')}.json`;
}

/** Whether it was left behind for this very account: `main-2` is not `main`, whose evidence can be handed on alone. */
function isDirectOf(account: string, name: string): boolean {
  const prefix = `direct-${account}-`;
  return name.startsWith(prefix) && name.endsWith('.json') && STAMP.test(name.slice(prefix.length, -'.json'.length));
}

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
      const names = await readdir(folder).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return [];
        return codeOf(error);
      });
      if (typeof names === 'string') return [{ name: 'the folder of the evidence', unread: names }];
      const ours = names.filter((name) => isDirectOf(account, name)).toSorted();
      const found = await Promise.all(ours.map((name) => readOne(join(folder, name), name, sinceTime)));
      return found.filter((one) => one !== undefined);
    },
  };
}

/** A halt goes on whatever lies in the folder, and its evidence says what could not be read. Undefined: it is of before. */
async function readOne(path: string, name: string, sinceTime: number): Promise<DirectRun | undefined> {
  try {
    const found = await stat(path);
    if (found.mtimeMs < sinceTime) return undefined;
    if (!found.isFile()) return { name, unread: 'it is no file' };
    if (found.size > MOST_BYTES) return { name, unread: `it is larger than ${MOST_BYTES / 1_000_000} MB` };
    const bytes = await readFile(path);
    return { name, sha256: sha256(bytes), content: parsed(bytes.toString('utf8')) };
  } catch (error) {
    return { name, unread: codeOf(error) };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** What is no JSON is handed on as it stands. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
