import { existsSync, readFileSync } from 'node:fs';
import { inRoot } from '../bootstrap/paths.mjs';
import { ranLines } from './ran-lines.mjs';

/** Lines of these folders that the tests must have run, in per cent of their executable lines. */
const GATE_PERCENT = 80;
const FOLDERS = ['core', 'workflows', 'activities'];

/** Where processes and threads beside the test runner's own leave what they ran. */
export const OTHERS_FOLDER = inRoot('coverage', 'others');

const NO_LINES = new Set();

/** Executable lines of one file and how many of them ran: in the test runner, or elsewhere. */
function fileLines({ statementMap, s }, ranElsewhere) {
  const lines = new Map();
  for (const [id, { start }] of Object.entries(statementMap)) {
    lines.set(start.line, (lines.get(start.line) ?? false) || s[id] > 0 || ranElsewhere.has(start.line));
  }
  return { total: lines.size, covered: [...lines.values()].filter(Boolean).length };
}

/**
 * The gate's verdict: the gated folders together decide, each is told.
 * @param report coverage of the test runner by file: statements with their places and counts
 * @param {Map<string, Set<number>>} ran lines that ran elsewhere, by file
 */
export function judgeCoverage(report, ran = new Map()) {
  const sums = new Map(FOLDERS.map((folder) => [folder, { covered: 0, total: 0 }]));
  for (const [file, entry] of Object.entries(report)) {
    const sum = sums.get(FOLDERS.find((each) => file.startsWith(inRoot(each, '/'))));
    if (!sum) continue;
    const { total, covered } = fileLines(entry, ran.get(file) ?? NO_LINES);
    sum.total += total;
    sum.covered += covered;
  }
  const percent = ({ covered, total }) => (total === 0 ? undefined : (100 * covered) / total);
  const parts = [...sums].map(([folder, sum]) => `${folder} ${percent(sum)?.toFixed(1) ?? '–'} %`);
  const all = [...sums.values()].reduce((sum, each) => ({ covered: sum.covered + each.covered, total: sum.total + each.total }));
  const total = percent(all) ?? 0;
  return {
    name: 'coverage',
    ok: total >= GATE_PERCENT,
    detail: `${total.toFixed(1)} % of lines, gate ${GATE_PERCENT} % (${parts.join(', ')})`,
    output: `The tests run ${total.toFixed(1)} % of the lines, under ${GATE_PERCENT} %: ${parts.join(', ')}. See coverage/index.html.`,
    elapsedMs: 0,
  };
}

/** The verdict over what the run has just left in coverage/. */
export async function coverageResult() {
  const startedAt = performance.now();
  const path = inRoot('coverage', 'coverage-final.json');
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  const verdict = judgeCoverage(report, await ranLines(OTHERS_FOLDER));
  return { ...verdict, elapsedMs: performance.now() - startedAt };
}
