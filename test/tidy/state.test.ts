import { describe, expect, it } from 'vitest';
import { codeOnly } from './code-text.js';
import { isTest, readTree, type TreeFile } from './tree.js';

const NAMED = /^(?:export )?(const|let|var) (\w+)(?:: ([^=;]+))?(?:\s*=\s*(new (?:Map|Set|WeakMap|WeakSet)\b)?)?/gm;

/** Names of module scope that can be changed, or hold what can: all runs of a worker share these modules (`workers/workflow-code.ts`). */
function stateOf({ path, text }: TreeFile): string[] {
  return [...codeOnly(text).matchAll(NAMED)]
    .filter(([, kind, , type, collection]) => kind !== 'const' || (collection !== undefined && !type?.startsWith('Readonly')))
    .map(([, kind, name]) => `${path}: ${kind} ${name}`);
}

describe('core keeps nothing between calls', () => {
  it('in no name of module scope', () => {
    const files = readTree().filter(({ path }) => path.startsWith('core/') && path.endsWith('.ts') && !isTest(path));
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(stateOf)).toEqual([]);
  });

  it('and the reader sees what would', () => {
    const text = [
      'let count = 0;',
      'export var last: string;',
      'const seen = new Set<string>();',
      'const fixed: ReadonlySet<string> = new Set();',
      'const list = [1];',
      'function one() {\n  let local = 1;\n}',
    ].join('\n');
    expect(stateOf({ path: 'core/a.ts', text })).toEqual(['core/a.ts: let count', 'core/a.ts: var last', 'core/a.ts: const seen']);
  });
});
