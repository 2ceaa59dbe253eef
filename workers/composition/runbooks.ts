import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { runbookWorkflowId } from '../../core/runbook/spec.js';

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
