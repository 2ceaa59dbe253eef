import { expect, it } from 'vitest';
import type { Finding } from './benchmark.js';
import { asLine, asText } from './tell.js';

const FINDING: Finding = {
  name: 'hot-path',
  figures: { 'singly.whole.p50Ms': 12.5, 'twenty.whole.p50Ms': Number.NaN },
  floor: 6.25,
  ratio: 2,
  goal: 'soon',
  met: false,
  machine: { cpu: 'a CPU', cores: 2, node: 'v20.20.2', loadBefore: 0.25 },
};

it('--json: a finding is one object on a line of its own, with these fields and no others', () => {
  const line = asLine({ ...FINDING, more: 'of it' } as Finding);
  expect(line).toMatch(/^[^\n]+\n$/);
  const read = JSON.parse(line) as object;
  expect(Object.keys(read)).toEqual(['name', 'figures', 'floor', 'ratio', 'goal', 'met', 'machine']);
  expect(read).toEqual({ ...FINDING, figures: { 'singly.whole.p50Ms': 12.5, 'twenty.whole.p50Ms': null } });
});

it('people are told the goal, whether it was met, and every figure', () => {
  expect(asText(FINDING)).toBe(
    ['hot-path: goal soon: not met (a CPU, 2 cores, v20.20.2)', '  singly.whole.p50Ms 12.5', '  twenty.whole.p50Ms NaN', ''].join('\n'),
  );
});
