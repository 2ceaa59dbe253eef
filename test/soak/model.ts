import { visit, visitWithout, type Visit } from '../model/run.js';
import { DEEP, DEEP_LOSSES, SCENARIOS } from '../model/scenarios.js';

/**
 * Explores the order protocol to deeper bounds.
 * @param states where a world is given up
 * @param only part of the names of the worlds and of the lost rules that are wanted
 * @returns whether all of it was visited and nothing was wrong
 */
export function soakModel({ states, only }: { readonly states: number; readonly only: string }): boolean {
  const visits = [
    ...[...SCENARIOS, ...DEEP].map((scenario) => ({ name: scenario.name, work: () => visit(scenario, states), damage: undefined })),
    ...DEEP_LOSSES.map((loss) => ({ name: loss.rule, work: () => visitWithout(loss, states), damage: loss.damage })),
  ].filter(({ name }) => name.includes(only));
  return visits.map(({ work, damage }) => isAsExpected(work, damage)).every(Boolean);
}

function isAsExpected(work: () => Visit, damage: string | undefined): boolean {
  try {
    const { line, found } = work();
    process.stdout.write(`${line}\n${(found?.story ?? []).map((step) => `    ${step}\n`).join('')}`);
    return found?.what === damage;
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
}
