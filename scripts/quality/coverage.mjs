import { existsSync, readFileSync } from 'node:fs';
import { inRoot } from '../bootstrap/paths.mjs';

/** Lines of these folders that the tests must have run, in per cent of their executable lines. */
const GATE_PERCENT = 80;
const FOLDERS = ['core', 'workflows', 'activities'];

/** The gate's verdict over a coverage summary: the gated folders together decide, each is told. */
export function judgeCoverage(summary) {
  const lines = new Map(FOLDERS.map((folder) => [folder, { covered: 0, total: 0 }]));
  for (const [file, entry] of Object.entries(summary)) {
    const folder = FOLDERS.find((each) => file.startsWith(inRoot(each, '/')));
    if (!folder) continue;
    lines.get(folder).covered += entry.lines.covered;
    lines.get(folder).total += entry.lines.total;
  }
  const percent = ({ covered, total }) => (total === 0 ? undefined : (100 * covered) / total);
  const parts = [...lines].map(([folder, found]) => `${folder} ${percent(found)?.toFixed(1) ?? '–'} %`);
  const all = [...lines.values()].reduce((sum, each) => ({ covered: sum.covered + each.covered, total: sum.total + each.total }));
  const total = percent(all) ?? 0;
  return {
    name: 'coverage',
    ok: total >= GATE_PERCENT,
    detail: `${total.toFixed(1)} % of lines, gate ${GATE_PERCENT} % (${parts.join(', ')})`,
    output: `Line coverage is ${total.toFixed(1)} %, under ${GATE_PERCENT} %: ${parts.join(', ')}. See coverage/index.html.`,
    elapsedMs: 0,
  };
}

/** The verdict over the summary that the run has just written. */
export function coverageResult() {
  const path = inRoot('coverage', 'coverage-summary.json');
  return judgeCoverage(existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});
}
