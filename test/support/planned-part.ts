import type { AskedRun, Part, PartEnd, RunbookStore } from '../../activities/ports/runbook.js';
import { createRunPart } from '../../activities/runbook/part.js';
import { planOf } from '../../activities/runbook/plan.js';
import type { BoundRunbook } from '../../activities/runbook/step-code.js';

/** Plans a run and carries its parts out by themselves, its plan as it comes back from its row, with a store that keeps nothing. */
export async function plannedParts(code: BoundRunbook, run: AskedRun): Promise<(name: string, part: Part) => Promise<PartEnd>> {
  const plan = await planOf(code, run);
  const store: Partial<RunbookStore> = {
    read: () => Promise.resolve({ ...run, plan: JSON.parse(JSON.stringify(plan)) as typeof plan }),
    beginPart: () => Promise.resolve(null),
    endPart: () => Promise.resolve(null),
  };
  const stopping = new AbortController().signal;
  const dependencies = { store: store as RunbookStore, runbooks: {}, actor: 'test', isUnderWay: () => Promise.resolve(true), stopping };
  const carryOut = createRunPart(dependencies, () => code);
  return (name, part) => {
    const position = plan.steps.findIndex((step) => step.name === name);
    return carryOut({ runId: run.runId, position, attempt: 1, part }, null, new AbortController().signal);
  };
}
