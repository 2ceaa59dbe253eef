import { describe, expect, it } from 'vitest';
import type { Finding } from './benchmark.js';
import { BENCHMARKS } from './benchmarks.js';
import { readPage, rowsOf, withFindings } from './page.js';

const FINDING: Finding = {
  name: BENCHMARKS[0]?.name ?? '',
  figures: Object.fromEntries((BENCHMARKS[0]?.headline ?? []).map((name) => [name, 12.5])),
  floor: 6.25,
  ratio: 2,
  goal: 'soon',
  met: true,
  machine: { cpu: 'a CPU', cores: 2, node: 'v20.20.2', loadBefore: 0.25 },
};

describe('the page of the benchmarks', () => {
  it('has a row for each benchmark, and for nothing else', () => {
    expect([...rowsOf(readPage()).keys()]).toEqual(BENCHMARKS.map(({ name }) => name));
  });

  it('shows no number for what was not measured', () => {
    const figures = Object.fromEntries(Object.keys(FINDING.figures).map((name) => [name, Number.NaN]));
    const written = withFindings(readPage(), BENCHMARKS, [{ ...FINDING, figures, floor: Number.NaN }], '2026-11-25');
    expect(rowsOf(written).get(FINDING.name)).not.toMatch(/NaN|undefined/);
  });

  it('takes a finding in place of the row that was there, and leaves the rest as it is', () => {
    const page = readPage();
    const written = withFindings(page, BENCHMARKS, [FINDING], '2026-11-25');
    expect(rowsOf(written).get(FINDING.name)).toContain(
      '| 6.25 (× 2) | soon | met | a CPU, 2 cores, load before 0.25, Node 20.20.2, 2026-11-25 |',
    );
    for (const [name, row] of rowsOf(page)) if (name !== FINDING.name) expect(rowsOf(written).get(name)).toBe(row);
    expect(withFindings(page, BENCHMARKS, [], '2026-11-25')).toBe(page);
  });
});
