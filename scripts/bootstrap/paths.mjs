import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone: everything the scripts read and write is found from here, wherever they are called from. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @param {...string} parts */
export const inRoot = (...parts) => join(ROOT, ...parts);
