import type { Finding } from './benchmark.js';

/** A finding as a line of `--json`. What was not measured is null: JSON has no NaN. */
export function asLine({ name, figures, floor, ratio, goal, met, machine }: Finding): string {
  return `${JSON.stringify({ name, figures, floor, ratio, goal, met, machine })}\n`;
}

/** A finding for people. */
export function asText({ name, figures, goal, met, machine }: Finding): string {
  const lines = Object.entries(figures).map(([figure, value]) => `  ${figure.padEnd(18)} ${value}`);
  return [`${name}: goal ${goal}: ${met ? 'met' : 'not met'} (${machine.cpu}, ${machine.cores} cores, ${machine.node})`, ...lines, ''].join(
    '\n',
  );
}
