import { posix } from 'node:path';
import type { Finding, TreeFile } from '../tree.js';

const LINK = /(?<!!)\[(?:[^\]\n]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)|!\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g;
const EXTERNAL = /^(?:[a-z][a-z+.-]*:|\/\/)/i;

const withoutCode = (text: string): string => text.replace(/^(```|~~~)[^]*?^\1/gm, '').replace(/`[^`\n]*`/g, '``');

/** The anchor that a heading gets: lower case, spaces to hyphens, signs dropped. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

const anchorsOf = (text: string): Set<string> =>
  new Set([...text.replace(/^(```|~~~)[^]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) => anchorOf(match[1] ?? '')));

/** Links of a Markdown file to files or headings that are not there. Addresses elsewhere are not asked. */
export function brokenLinks(page: TreeFile, files: readonly TreeFile[], exists: (path: string) => boolean): Finding[] {
  return [...withoutCode(page.text).matchAll(LINK)].flatMap((match) => {
    const target = match[1] ?? match[2] ?? '';
    if (EXTERNAL.test(target)) return [];
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? page.path : posix.normalize(posix.join(posix.dirname(page.path), decodeURI(file)));
    if (!exists(path)) return [`${page.path}: (${target}) leads nowhere`];
    const text = path === page.path ? page.text : files.find((each) => each.path === path)?.text;
    if (anchor && path.endsWith('.md') && text !== undefined && !anchorsOf(text).has(anchor))
      return [`${page.path}: (${target}) has no such heading`];
    return [];
  });
}

/** Pages below docs/ that its map, `docs/README.md`, does not link to: nobody would find them. */
export function unmapped(files: readonly TreeFile[]): Finding[] {
  const map = files.find(({ path }) => path === 'docs/README.md')?.text ?? '';
  return files
    .map(({ path }) => path)
    .filter((path) => /^docs\/.+\.md$/.test(path) && path !== 'docs/README.md' && !map.includes(`(${path.slice('docs/'.length)})`))
    .map((path) => `${path} is not in docs/README.md`);
}
