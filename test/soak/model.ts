import { visit, visitWithout, type Visit } from '../model/run.js';
import { DEEP, DEEP_LOSSES, SCENARIOS } from '../model/scenarios.js';

/** Explores the order protocol to deeper bounds. @returns whether all of it was visited and nothing was wrong. */
export function soakModel(mostStates: number): boolean {
  const visits = [
    ...[...SCENARIOS, ...DEEP].map((scenario) => ({ work: () => visit(scenario, mostStates), damage: undefined })),
    ...DEEP_LOSSES.map((loss) => ({ work: () => visitWithout(loss, mostStates), damage: loss.damage })),
  ];
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
