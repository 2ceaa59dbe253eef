import type { Client } from '@temporalio/client';
import { Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import { TASK_QUEUES } from '../../workflows/names.js';

/** Open runs, and those of them that a build cannot go on with. */
export interface ReplayOutcome {
  readonly runs: number;
  readonly failed: readonly { readonly workflowId: string; readonly reason: string }[];
}

/** Runs that have not ended, on the queues that our workers poll. */
const openOn = (taskQueues: readonly string[]): string =>
  `ExecutionStatus = 'Running' AND TaskQueue IN (${taskQueues.map((name) => `'${name}'`).join(', ')})`;

/**
 * Replays every open run on a build, before workers of it take anything up (P32): one whose history does not fit its code would be
 * stuck, and with it whatever it owns, such as a position. Reads only.
 */
export async function replayOpenRuns(
  client: Client,
  workflowBundle: NonNullable<ReplayWorkerOptions['workflowBundle']>,
  taskQueues: readonly string[] = Object.values(TASK_QUEUES),
): Promise<ReplayOutcome> {
  const failed: { workflowId: string; reason: string }[] = [];
  let runs = 0;
  const histories = client.workflow.list({ query: openOn(taskQueues) }).intoHistories();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories)) {
    runs += 1;
    if (error !== undefined) failed.push({ workflowId, reason: error.message.split('\n', 1)[0] ?? '' });
  }
  return { runs, failed };
}
