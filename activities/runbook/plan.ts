import type { Plain, PlainObject, Plan, PlannedWrite } from '../../core/runbook/spec.js';
import type { AskedRun, Writes } from '../ports/runbook.js';
import type { BoundRunbook } from './step-code.js';

/**
 * What a run would do: every action is run with writes that change nothing and are noted. The parts of it that change from one
 * moment to the next (prices, times, sizes of files) belong into outputs and not into the values of a write: a plan that differs
 * when the run begins is not what was approved.
 */
export async function planOf(runbook: BoundRunbook, run: AskedRun): Promise<Plan> {
  const writes: PlannedWrite[] = [];
  for (const { spec, action } of runbook.steps)
    await action?.(
      run,
      noting(runbook.writes, (write, values) => writes.push({ step: spec.name, write, with: values })),
    );
  const { name, version, steps } = runbook.spec;
  return { runbook: name, version, account: run.account, inputs: inputsOf(runbook, run), steps, writes };
}

/** What was asked for, and what of the configuration its steps go by: another configuration is another plan. */
export function inputsOf({ rules }: Pick<BoundRunbook, 'rules'>, { account, inputs }: Pick<AskedRun, 'account' | 'inputs'>): PlainObject {
  return rules === undefined ? inputs : { ...inputs, rules: rules(account) };
}

/** The same calls, none of which reaches anything. */
function noting(writes: Writes, note: (write: string, values: readonly Plain[]) => void): Writes {
  return Object.fromEntries(
    Object.keys(writes).map((write) => [
      write,
      (...values: readonly Plain[]) => {
        note(write, values);
        return Promise.resolve();
      },
    ]),
  );
}
