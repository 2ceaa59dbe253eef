import { afterAll, describe, expect, it } from 'vitest';
import { visit, visitWithout } from './run.js';
import { LOSSES, SCENARIOS } from './scenarios.js';

const MOST_STATES = 2_000_000;
/** A busy machine may take long. */
const TIMEOUT_MS = 600_000;

const lines: string[] = [];
afterAll(() => console.info(lines.join('\n')));

describe('the order protocol, explored to the end', () => {
  it.each(SCENARIOS)('$name', { timeout: TIMEOUT_MS }, (scenario) => {
    const { line, found, states } = visit(scenario, MOST_STATES);
    lines.push(line);
    expect(found).toBeUndefined();
    // A model in which little can happen would show nothing.
    expect(states).toBeGreaterThan(1_000);
  });

  it.each(LOSSES)('without $rule', { timeout: TIMEOUT_MS }, (loss) => {
    const { line, found } = visitWithout(loss, MOST_STATES);
    lines.push(line, ...(found?.story ?? []).map((step) => `    ${step}`));
    expect(found?.what).toBe(loss.damage);
  });
});
