import type { ShownPlan } from '../core/runbook/shown-plan.js';
import { harmless } from './terminal.js';

/** The steps of a plan, and below each what it would change. */
export function planLines({ steps }: ShownPlan): readonly string[] {
  return steps
    .flatMap(({ step, name, title, isSigned, writes }) => [
      `  ${step} ${name}: ${title}${isSigned ? ' (signed by a person)' : ''}`,
      ...writes.map(({ write, with: values }) => `      ${write} ${values.map(plainText).join(' ')}`),
    ])
    .map(harmless);
}

/** Any value in words: the fields of an object by name. */
export function plainText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${plainText(one)}`)
    .join(', ');
}
