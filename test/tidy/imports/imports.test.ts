import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isCode, isTest, readTree, ROOT } from '../tree.js';
import { cycles, importEdges, unreachable } from './graph.js';
import { forbiddenEdges } from './rules.js';

const file = (path: string, text: string) => ({ path, text });
const edgesOf = (...files: ReturnType<typeof file>[]) => importEdges(files);

/** The programs: what a person or another process starts. knip takes the same list. */
function entries(): string[] {
  const { entry } = JSON.parse(readFileSync(join(ROOT, 'knip.json'), 'utf8')) as { entry: string[] };
  return entry.filter((path) => path.endsWith('.ts') && !path.includes('*'));
}

describe('the reader of imports', () => {
  it('sees every kind of import and tells types from values', () => {
    const edges = edgesOf(
      file(
        'core/a.ts',
        [
          "import { b } from './b.js';",
          "import type { C } from '../config/c.js';",
          "import { type D, type E } from 'pg';",
          'import {\n  f,\n  type G,\n} from "@scope/name/deep";',
          "import 'node:fs';",
          "export * from './b.js';",
          "export type { H } from './b.js';",
          "const later = () => import('ws');",
          "// import { no } from './commented.js';",
          "/* import { no } from './commented.js'; */",
        ].join('\n'),
      ),
      file('core/b.ts', ''),
    );
    expect(edges.map(({ to, isTypeOnly }) => `${to}${isTypeOnly ? ' type' : ''}`)).toEqual([
      'core/b.ts',
      'config/c.js type',
      'pg type',
      '@scope/name',
      'node:fs',
      'core/b.ts',
      'core/b.ts type',
      'ws',
    ]);
  });

  it('finds a circle once, and forgives one of types', () => {
    const a = file('core/a.ts', "import { b } from './b.js';");
    const b = file('core/b.ts', "import { c } from './c.js';");
    expect(cycles(edgesOf(a, b, file('core/c.ts', "import { a } from './a.js';")))).toEqual([['core/a.ts', 'core/b.ts', 'core/c.ts']]);
    expect(cycles(edgesOf(a, b, file('core/c.ts', "import type { A } from './a.js';")))).toEqual([]);
  });

  it('finds what no program reaches', () => {
    const edges = edgesOf(file('cli/main.ts', "import './used.js';"), file('cli/used.ts', ''), file('cli/lost.ts', "import './used.js';"));
    expect(unreachable(['cli/main.ts', 'cli/used.ts', 'cli/lost.ts'], edges, ['cli/main.ts'])).toEqual(['cli/lost.ts']);
  });
});

describe('the table of imports', () => {
  const judge = (from: string, to: string, isTypeOnly = false) => forbiddenEdges([{ from, to, isTypeOnly, isDynamic: false }]).length === 0;

  it.each([
    ['core/risk/gate.ts', 'node:fs'],
    ['core/risk/gate.ts', 'decimal.js'],
    ['core/risk/gate.ts', 'config/index.ts'],
    ['workflows/order/flow.ts', 'activities/order.ts'],
    ['workflows/order/flow.ts', 'zod'],
    ['activities/order.ts', 'adapters/venue/client.ts'],
    ['activities/order.ts', 'config/index.ts'],
    ['adapters/venue/client.ts', 'adapters/store/orders.ts'],
    ['adapters/store/orders.ts', 'ccxt'],
    ['workers/trading.ts', 'api/server.ts'],
    ['api/server.ts', 'adapters/venue/client.ts'],
    ['api/server.ts', 'workflows/order/flow.ts'],
    ['cli/status.ts', 'adapters/venue/client.ts'],
    ['exchange/book.ts', 'core/order/lifecycle.ts'],
    ['launcher/main.ts', 'workers/trading.ts'],
    ['scripts/bootstrap/paths.mjs', 'zod'],
    ['core/risk/gate.ts', 'core/risk/gate.test.ts'],
    ['elsewhere/file.ts', 'node:fs'],
  ])('refuses %s → %s', (from, to) => expect(judge(from, to)).toBe(false));

  it.each([
    ['core/risk/gate.ts', 'core/money/index.ts', false],
    ['core/money/decimal.ts', 'decimal.js', false],
    ['workflows/order/flow.ts', 'activities/order.ts', true],
    ['adapters/venue/client.ts', 'ccxt', false],
    ['api/server.ts', 'workflows/order/flow.ts', true],
    ['cli/kill/direct.ts', 'adapters/venue/client.ts', false],
    ['exchange/book.ts', 'core/money/index.ts', false],
    ['core/risk/gate.test.ts', 'node:fs', false],
  ])('allows %s → %s', (from, to, isTypeOnly) => expect(judge(from, to, isTypeOnly)).toBe(true));
});

describe('this tree', () => {
  const files = readTree().filter(({ path }) => isCode(path));
  const edges = importEdges(files);
  const programs = files.map(({ path }) => path).filter((path) => path.endsWith('.ts') && path.includes('/') && !isTest(path));

  it('has no forbidden import', () => expect(forbiddenEdges(edges)).toEqual([]));
  it('has no circle', () => expect(cycles(edges).map((circle) => circle.join(' → '))).toEqual([]));
  it('has no file that no program reaches', () => expect(unreachable(programs, edges, entries())).toEqual([]));
  it('approves orders in the gates, and nowhere else', () => {
    const gates = ['core/risk/gate.ts', 'core/risk/kill.ts', 'core/risk/overrides.ts', 'core/risk/protective.ts'];
    const using = edges.filter(({ to, isTypeOnly }) => to === 'core/risk/approved-order.ts' && !isTypeOnly).map(({ from }) => from);
    expect(using.filter((path) => !isTest(path)).toSorted()).toEqual(gates);
    // Nobody calls something else one.
    const casting = files
      .filter(({ path, text }) => !isTest(path) && /\bas (?:unknown as )?(?:ApprovedOrder|GateVerdict)\b/.test(text))
      .map(({ path }) => path);
    expect(casting).toEqual(['core/risk/approved-order.ts']);
  });
  it('imports no file that is not there', () => {
    const paths = new Set(readTree().map(({ path }) => path));
    const missing = edges.filter(({ to }) => !to.startsWith('dist/') && /^[\w-]+\/.*\.(?:[jt]sx?|mjs)$/.test(to) && !paths.has(to));
    expect(missing.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});
