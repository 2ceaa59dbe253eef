import type { Finding, TreeFile } from './tree.js';

export const MAXIMUM_LINES = 500;

export const lineCount = ({ text }: TreeFile): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

/** Files too long to be read in one sitting. */
export function tooLong(files: readonly TreeFile[]): Finding[] {
  return files
    .filter((file) => lineCount(file) > MAXIMUM_LINES)
    .map((file) => `${file.path} has ${lineCount(file)} lines; ${MAXIMUM_LINES} are allowed`);
}

/** The middle of the line counts; 0 for no files. */
export function medianLines(files: readonly TreeFile[]): number {
  const counts = files.map(lineCount).sort((one, other) => one - other);
  return counts[Math.floor(counts.length / 2)] ?? 0;
}
