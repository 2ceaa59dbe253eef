import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTree, ROOT } from '../tree.js';
import { brokenLinks, unmapped } from './links.js';

const there = { path: 'docs/there.md', text: '# A title: of two\n' };
const judge = (text: string) =>
  brokenLinks({ path: 'docs/page.md', text }, [there], (path) => path === there.path || path === 'docs/page.md');

it.each(['[x](gone.md)', '![x](gone.svg)', '[x](../docs/gone/)', '[x](there.md#another)', '[x](#nothing)'])('refuses %s', (text) => {
  expect(judge(text)).toHaveLength(1);
});

it.each(['[x](there.md)', '[x](there.md#a-title-of-two)', '[x](https://example.org)', '`[x](gone.md)`', '```\n[x](gone.md)\n```'])(
  'allows %s',
  (text) => {
    expect(judge(text)).toEqual([]);
  },
);

it('every link of this tree leads somewhere', () => {
  const files = readTree();
  const pages = files.filter(({ path }) => path.endsWith('.md'));
  /** A folder without a file is not in a clone: it does not count. */
  const exists = (path: string) =>
    statSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile() === true ||
    files.some((each) => each.path.startsWith(path.replace(/\/*$/, '/')));
  expect(pages.flatMap((page) => brokenLinks(page, files, exists))).toEqual([]);
});

it('names a page that the map of the documentation misses', () => {
  const map = { path: 'docs/README.md', text: '[a](guides/a.md)' };
  expect(unmapped([map, { path: 'docs/guides/a.md', text: '' }, { path: 'docs/guides/b.md', text: '' }])).toEqual([
    'docs/guides/b.md is not in docs/README.md',
  ]);
});

it('the map of the documentation is complete', () => expect(unmapped(readTree())).toEqual([]));
