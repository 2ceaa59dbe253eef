import { runNode } from '../bootstrap/child.mjs';
import { inRoot } from '../bootstrap/paths.mjs';

const tool = (path, ...args) => [inRoot('node_modules', path), args];

/**
 * The checks that need no test runner. Each is one program; the first that is listed starts first.
 * `summary` picks the one line of a program's output that is worth a place in the table.
 */
export const STEPS = [
  { name: 'lint', run: tool('oxlint/bin/oxlint', '--type-aware', '--deny-warnings'), summary: /on (\d+ files)/ },
  { name: 'types', run: tool('typescript/bin/tsc', '--noEmit', '--pretty', 'false') },
  { name: 'dead code', run: tool('knip/bin/knip.js', '--no-progress', '--no-config-hints') },
  { name: 'format', run: tool('oxfmt/bin/oxfmt', '--check'), summary: /on (\d+ files)/ },
  { name: 'secrets', run: [inRoot('scripts', 'secret-scan.mjs'), []], summary: /(\d+ files)/ },
];

/** Runs one step. @returns {Promise<{ name: string, ok: boolean, detail: string, output: string, elapsedMs: number }>} */
export async function runStep({ name, run: [file, args], summary }) {
  const startedAt = performance.now();
  const { code, output } = await runNode(file, args);
  const detail = (summary && summary.exec(output)?.[1]) || (code === 0 ? '' : `exit ${code}`);
  return { name, ok: code === 0, detail, output, elapsedMs: performance.now() - startedAt };
}

/** Runs the steps one after the other. */
export async function runSteps(steps = STEPS) {
  const results = [];
  for (const step of steps) results.push(await runStep(step));
  return results;
}
