import { visit } from '../model/run.js';
import { DEEP, SCENARIOS } from '../model/scenarios.js';

/** Explores the order protocol to deeper bounds. @returns whether all of it was visited and nothing was wrong. */
export function soakModel(mostStates: number): boolean {
  let isRight = true;
  for (const scenario of [...SCENARIOS, ...DEEP]) {
    try {
      const { line, found } = visit(scenario, mostStates);
      process.stdout.write(`${line}\n${(found?.story ?? []).map((step) => `    ${step}\n`).join('')}`);
      isRight &&= found === undefined;
    } catch (error) {
      process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
      isRight = false;
    }
  }
  return isRight;
}
