import { WorkflowNotFoundError, type Client } from '@temporalio/client';

/** The newest run of a workflow, ended or not; undefined where there was none. */
export async function latestRun(client: Client, workflowId: string): Promise<string | undefined> {
  try {
    return (await client.workflow.getHandle(workflowId).describe()).runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
