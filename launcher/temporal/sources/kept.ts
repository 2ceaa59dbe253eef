import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { probe } from './probe.js';
import type { BinarySource } from './source.js';

/** The official release that is downloaded when nothing else is there: CLI 1.9.1, which has server 1.32.0. */
export const PINNED_CLI_VERSION = '1.9.1';

/** Files of `deploy/temporal` that the program is made from. */
const SOURCE_FILES = ['go.mod', 'go.sum', 'main.go', 'server.go'];

/** Where servers are kept for all clones of this user: XDG_CACHE_HOME, or the system's own place for caches. */
export function userCacheFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  const named = env['XDG_CACHE_HOME'];
  if (named !== undefined && named !== '') return join(named, 'keelson');
  return platform === 'darwin' ? join(home, 'Library', 'Caches', 'keelson') : join(home, '.cache', 'keelson');
}

/** Where the program built from the sources of this clone is kept: another source, another place. */
export async function builtPath(cacheDir: string, sourceDir: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of SOURCE_FILES) hash.update(file).update(await readFile(join(sourceDir, file)));
  return keptPath(cacheDir, `built-${hash.digest('hex').slice(0, 16)}`);
}

export const downloadedPath = (cacheDir: string): string => keptPath(cacheDir, `cli-${PINNED_CLI_VERSION}`);

const keptPath = (cacheDir: string, what: string): string =>
  join(cacheDir, 'temporal', `${what}-${process.platform}-${process.arch}`, 'temporal');

/** A server built or downloaded before. */
export function keptServer(cacheDir: string, sourceDir: string): BinarySource {
  return {
    name: 'kept from before',
    find: async () => {
      for (const path of [await builtPath(cacheDir, sourceDir), downloadedPath(cacheDir)]) {
        const found = await probe(path);
        if (typeof found !== 'string') return { binary: found };
      }
      return {
        whyNot: `there is none of this version in ${join(cacheDir, 'temporal')}`,
        whatToDo: 'nothing: what is downloaded or built is kept there',
      };
    },
  };
}
