import { describe, expect, it } from 'vitest';
import { lineCount, MAXIMUM_LINES, medianLines, tooLong } from './length.js';
import { isCode, isTest, readTree } from './tree.js';

const file = (path: string, lines: number) => ({ path, text: 'x\n'.repeat(lines) });

describe('length of files', () => {
  it('counts lines as editors do', () => expect([file('a.ts', 3), { path: 'b.ts', text: 'x\ny' }].map(lineCount)).toEqual([3, 2]));
  it('names the long ones', () => {
    expect(tooLong([file('short.ts', MAXIMUM_LINES), file('long.ts', MAXIMUM_LINES + 1)])).toEqual([
      'long.ts has 501 lines; 500 are allowed',
    ]);
  });
  it('finds the middle', () => expect(medianLines([file('a.ts', 1), file('b.ts', 9), file('c.ts', 5)])).toBe(5));
  it('holds in this tree', ({ annotate }) => {
    const code = readTree().filter(({ path }) => isCode(path) || path.endsWith('.sql') || path.endsWith('.go'));
    const programs = code.filter(({ path }) => !isTest(path));
    expect(tooLong(code)).toEqual([]);
    return annotate(`median ${medianLines(programs)} lines in ${programs.length} files`, 'notice');
  });
});
