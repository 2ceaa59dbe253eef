import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';

/** The run that is under way with this id, by its history, which is never late as the list may be; undefined where none is. */
export async function runningRun(client: Client, workflowId: string): Promise<WorkflowExecutionDescription | undefined> {
  try {
    const run = await client.workflow.getHandle(workflowId).describe();
    return run.status.name === 'RUNNING' ? run : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
