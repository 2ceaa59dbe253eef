import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone's folder: the nearest one above with a package.json, from the sources as from `dist/`. */
export function rootFolder(from = fileURLToPath(import.meta.url)): string {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`There is no package.json above ${from}.`);
  }
}

/** The version of this build, of package.json. */
export function packageVersion(): string {
  const value: unknown = JSON.parse(readFileSync(join(rootFolder(), 'package.json'), 'utf8'));
  return typeof value === 'object' && value !== null && 'version' in value ? String(value.version) : '0.0.0';
}
