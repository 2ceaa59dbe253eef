import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../config/index.js';
import type { Benchmark, Finding } from './benchmark.js';

const PAGE = join(rootFolder(), 'docs', 'reference', 'benchmarks.md');
const BEGIN = '<!-- written by `npm run bench`; the lines down to the end mark are not edited by hand -->';
const END = '<!-- end -->';
const HEAD = '| benchmark | figures | floor | goal | | machine, day |\n|---|---|---|---|---|---|';

/** The names of the benchmarks that have a row in the page. */
export function rowsOf(page: string): Map<string, string> {
  const table = page.slice(page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END));
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(rows.map((row) => [/^\| `([^`]+)`/.exec(row)?.[1] ?? '', row]));
}

/** The page with the rows of these findings in place of what it had of them; in the order of the benchmarks. */
export function withFindings(page: string, benchmarks: readonly Benchmark[], findings: readonly Finding[], day: string): string {
  const rows = rowsOf(page);
  for (const finding of findings) {
    const headline = benchmarks.find((one) => one.name === finding.name)?.headline ?? [];
    rows.set(finding.name, rowOf(finding, headline, day));
  }
  const kept = benchmarks.flatMap(({ name }) => rows.get(name) ?? []);
  const table = [BEGIN, '', HEAD, ...kept, '', END].join('\n');
  return page.slice(0, page.indexOf(BEGIN)) + table + page.slice(page.indexOf(END) + END.length);
}

export const readPage = (): string => readFileSync(PAGE, 'utf8');

export function writeFindings(benchmarks: readonly Benchmark[], findings: readonly Finding[], day: string): void {
  writeFileSync(PAGE, withFindings(readPage(), benchmarks, findings, day));
}

function rowOf({ name, figures, floor, ratio, goal, met, machine }: Finding, headline: readonly string[], day: string): string {
  const shown = headline.map((figure) => `${figure} ${text(figures[figure])}`).join('<br>');
  const beside = floor === null || Number.isNaN(floor) ? '–' : `${floor}${ratio === null ? '' : ` (× ${ratio})`}`;
  const where = `${machine.cpu}, ${machine.cores} cores, load before ${machine.loadBefore}, Node ${machine.node.slice(1)}, ${day}`;
  return `| \`${name}\` | ${shown} | ${beside} | ${goal} | ${met ? 'met' : 'not met'} | ${where} |`;
}

/** Of what was not measured there is no number. */
function text(figure: number | undefined): string {
  return figure === undefined || Number.isNaN(figure) ? '–' : String(figure);
}
