import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the tree as the tidy tests see it: path from the clone with forward slashes, and its text. */
export interface TreeFile {
  readonly path: string;
  readonly text: string;
}

/** One thing that is not as the house wants it, ready to be shown. */
export type Finding = string;

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', '.git', '.keelson']);
const TEXT =
  /\.(ts|tsx|mjs|js|json|jsonc|md|sql|go|mod|yml|yaml|css|html|sh|toml)$|^\.(gitignore|npmrc)$|^(run|pre-commit|Dockerfile|LICENSE)$/;

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) yield* walk(path);
    } else if (TEXT.test(entry.name)) yield path;
  }
}

let tree: readonly TreeFile[] | undefined;

/** Every text file of the clone, read once; what is installed, built or recorded is left out. */
export function readTree(): readonly TreeFile[] {
  tree ??= [...walk('')].sort().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
  return tree;
}

/** A test, or something that only tests use: it may import what it likes, and no program may import it. */
export const isTest = (path: string): boolean => path.endsWith('.test.ts') || /^test\/|\/(?:fixtures|testing)\//.test(path);

export const isCode = (path: string): boolean => /\.(ts|tsx|mjs)$/.test(path);
