import { CancellationScope, executeChild, ParentClosePolicy, proxyActivities, uuid4 } from '@temporalio/workflow';
import type { RunbookActivities, ScheduledRun } from '../../../activities/runbook/index.js';
import { runbookWorkflowId } from '../../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../../core/search-attributes.js';
import { RECORD, told } from '../../activity-options.js';
import type { CarriedRun, RunbookEnd } from './messages.js';
import { Run } from './run.js';

const { runbookOpen } = proxyActivities<RunbookActivities>(told(RECORD, 'writes the scheduled run down'));

/** A run that a schedule starts, in nobody's name: only of runbooks that may be. */
export async function scheduledRunbook(run: ScheduledRun): Promise<RunbookEnd> {
  const runId = uuid4();
  await runbookOpen(runId, run);
  return executeChild(runbook, {
    workflowId: runbookWorkflowId(runId),
    args: [runId],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `${run.runbook} of ${run.account}`,
    searchAttributes: { [SEARCH_ATTRIBUTES.account]: [run.account] },
  });
}

/**
 * One run of a runbook: plans, waits for the second person where one is needed, begins only what was planned and approved, and
 * takes its steps one after the other. What a step does is in its own code; here is what every run has: the wait for people, retry,
 * skip, abort with undo in reverse order, the end by a halt, and the records of all that.
 * @param carried of the run before, which has waited for so long that its history was given up.
 */
export async function runbook(runId: string, carried?: CarriedRun): Promise<RunbookEnd> {
  // It ends by what people tell it under their keys, or by a halt: a request to cancel it would leave it half done.
  return CancellationScope.nonCancellable(() => new Run(runId, carried).toItsEnd());
}
