import type { Client } from '@temporalio/client';

/** What every run that has not ended is doing, for whoever reads why a case failed. */
export async function openRuns(client: Client): Promise<string> {
  const lines: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const last = events?.at(-1);
    const activities = (raw.pendingActivities ?? []).map(
      ({ activityType, attempt, lastWorkerIdentity, lastFailure, state }) =>
        `${activityType?.name} ${state} attempt ${attempt} by ${lastWorkerIdentity} ${lastFailure?.message ?? ''}`,
    );
    const task = raw.pendingWorkflowTask;
    if (task) activities.push(`workflow task ${task.state} attempt ${task.attempt} since ${Number(task.scheduledTime?.seconds)}`);
    lines.push(`${workflowId}: the last event is ${last?.eventType} at ${Number(last?.eventTime?.seconds)}; ${activities.join(', ')}`);
  }
  return lines.join('\n');
}
