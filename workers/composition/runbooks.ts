import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunbookRuns } from '../../activities/ports/runbook.js';
import { KeelsonError } from '../../core/errors.js';
import { runbookWorkflowId } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';

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

/** Starts runs that a part of ours has asked for, on the guardian's queue. */
export function createRunbookRuns(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): RunbookRuns {
  return {
    async start({ runId, runbook, account }) {
      try {
        await client.withDeadline(clock() + CALL_MS, () =>
          client.workflow.start(WORKFLOW_TYPES.runbook, {
            taskQueue,
            workflowId: runbookWorkflowId(runId),
            args: [runId],
            workflowIdConflictPolicy: 'USE_EXISTING',
            searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
            staticSummary: `${runbook} of ${account}`,
          }),
        );
      } catch (error) {
        throw new KeelsonError('INFRA_TEMPORAL', { detail: error instanceof Error ? error.message : String(error) }, { cause: error });
      }
    },
  };
}
