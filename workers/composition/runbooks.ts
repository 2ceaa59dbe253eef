import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunbookRuns } from '../../activities/ports/runbook.js';
import { KeelsonError } from '../../core/errors.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { runbookChangedSignal } from '../../workflows/operations/runbook/messages.js';

const CALL_MS = 5_000;

/** Whether the workflow of a run goes on. What cannot be told counts as yes: a resource is not taken away on a guess. */
export function runUnderWay(client: Client, clock: () => number): (runId: string) => Promise<boolean> {
  return async (runId) => {
    try {
      const handle = client.workflow.getHandle(runbookWorkflowId(runId));
      const { status } = await client.withDeadline(clock() + CALL_MS, () => handle.describe());
      return status.name === 'RUNNING';
    } catch (error) {
      return !(error instanceof WorkflowNotFoundError);
    }
  };
}

/** Runs that a part of ours starts, as workflows on the guardian's queue. One that was terminated goes on where its records end. */
export function createRunbookRuns(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): RunbookRuns {
  return {
    async wake({ runId, account, runbook }) {
      try {
        await client.withDeadline(clock() + CALL_MS, () =>
          client.workflow.signalWithStart(WORKFLOW_TYPES.runbook, {
            taskQueue,
            workflowId: runbookWorkflowId(runId),
            args: [runId],
            signal: runbookChangedSignal,
            workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `${runbook} of ${account}`,
          }),
        );
      } catch (error) {
        // It has come to its end meanwhile.
        if (error instanceof WorkflowExecutionAlreadyStartedError) return;
        throw new KeelsonError('INFRA_TEMPORAL', { detail: error instanceof Error ? error.message : String(error) }, { cause: error });
      }
    },
  };
}
