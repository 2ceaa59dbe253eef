import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { ROOT } from './paths.mjs';

/** The folders that hold programs; tsconfig.build.json includes the same. */
export const SOURCE_FOLDERS = [
  'activities',
  'adapters',
  'api',
  'bench',
  'cli',
  'config',
  'core',
  'db',
  'exchange',
  'launcher',
  'scripts',
  'test/faults',
  'test/soak',
  'test/support',
  'workers',
  'workflows',
];

/** Tests are not compiled: the test runner reads them as they are. */
const IS_SOURCE = /(?<!\.test)\.ts$|\.json$/;

function* walk(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (IS_SOURCE.test(entry.name)) yield path;
  }
}

/** Every source file below the folders, and of the root itself, as paths from the clone with forward slashes. */
export function sourceFiles(folders = SOURCE_FOLDERS) {
  const found = folders.flatMap((folder) => [...walk(join(ROOT, folder))]);
  return found.map((path) => relative(ROOT, path).split(sep).join('/')).sort();
}

/** Changes when a file is added, removed or written: name, size and time of each, and of `extra` files. */
export function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const found = statSync(join(ROOT, file), { throwIfNoEntry: false });
    hash.update(`${file}\0${found?.size ?? -1}\0${found?.mtimeMs ?? 0}\n`);
  }
  return hash.digest('hex');
}
