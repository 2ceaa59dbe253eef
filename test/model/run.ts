import { explore, type Exploration } from './explore.js';
import type { Loss, Scenario } from './scenarios.js';

/** An exploration with what it came to, in a line. */
export interface Visit extends Exploration {
  readonly line: string;
}

/** Visits a scenario to its end. @throws where it is larger than `mostStates`. */
export function visit(scenario: Scenario, mostStates: number): Visit {
  return told(scenario.name, () => explore(scenario.model(), mostStates));
}

/** Looks for the damage of a rule's loss; where none is expected, for any. */
export function visitWithout({ rule, mutants, scenario, damage, asked }: Loss, mostStates: number): Visit {
  return told(`without ${rule}`, () => explore(scenario.model(mutants), mostStates, damage ?? asked));
}

function told(name: string, work: () => Exploration): Visit {
  const start = process.cpuUsage();
  const done = work();
  const { user, system } = process.cpuUsage(start);
  const { states, depth, transitions, found, isComplete } = done;
  const size = `${states.toLocaleString('en')} states, ${transitions.toLocaleString('en')} steps, depth ${depth}`;
  const end = found === undefined ? 'nothing wrong' : `found: ${found.what}, in ${found.story.length} steps`;
  const seconds = ((user + system) / 1_000_000).toFixed(1);
  const line = `${name}: ${size}, ${seconds} s of CPU${isComplete ? '' : ', NOT COMPLETE'}: ${end}`;
  if (!isComplete) throw new Error(line);
  return { ...done, line };
}
