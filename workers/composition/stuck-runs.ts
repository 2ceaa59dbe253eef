import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { requiredTsToMs } from '@temporalio/common/lib/time.js';
import { runningRun } from './running-run.js';

/** A task of a run that lives is over within its 5 s; one that fails each time is tried again by the server, ever more rarely. */
const STUCK_ATTEMPTS = 4;
const STUCK_MS = 30_000;

interface PendingTask {
  readonly attempt?: number | null;
  readonly originalScheduledTime?: Parameters<typeof requiredTsToMs>[0];
}

/**
 * Whether a run gets no further: its task fails again and again, as where its history cannot be replayed. One cause is known that no
 * code of ours can keep away: a question that is answered while a local activity ends, as the pages of Temporal ask them, and an update with the
 * very next task (the library then writes another order than it replays).
 */
export function isStuck(task: PendingTask | null | undefined, now: number): boolean {
  if (task === null || task === undefined || (task.attempt ?? 0) < STUCK_ATTEMPTS || !task.originalScheduledTime) return false;
  return now - requiredTsToMs(task.originalScheduledTime, 'originalScheduledTime') >= STUCK_MS;
}

/**
 * Ends a run that is stuck, so that another can be begun in its place. Only for runs that go on where the rows are: to them it is no more than
 * the death of a worker (P6 to P9).
 * @returns whether it was
 */
export async function endIfStuck(client: Client, workflowId: string, now: number): Promise<boolean> {
  const run = await runningRun(client, workflowId);
  if (run === undefined || !isStuck(run.raw.pendingWorkflowTask, now)) return false;
  const attempts = run.raw.pendingWorkflowTask?.attempt ?? 0;
  try {
    await client.workflow
      .getHandle(workflowId, run.runId)
      .terminate(`its task failed ${attempts} times: another run goes on from the rows`);
    return true;
  } catch (error) {
    // It has ended by itself, or another was faster.
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
