import type { Client } from '@temporalio/client';
import type { Reconciliations, WorkflowRuns } from '../../activities/ports/reconcile.js';
import { ownerWorkflowId, ownerWorkflowsOf } from '../../core/protection/position-key.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { signalWorkflowsOf } from '../../core/signal/signal.js';
import { reconcileWorkflowId, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { runningRun } from './running-run.js';
import { isStuck } from './stuck-runs.js';
import { told } from './told.js';

/** More than an account has; a list that is cut accuses nobody. */
const MOST_RUNS = 500;

/** Comparisons as workflows on the guardian's queue, one for each cause at a time. */
export function createReconciliations(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): Reconciliations {
  return {
    async start(account, scope) {
      await told(client, clock, () =>
        client.workflow.start(WORKFLOW_TYPES.reconcileAccount, {
          taskQueue,
          workflowId: reconcileWorkflowId(account, scope),
          workflowIdConflictPolicy: 'USE_EXISTING',
          args: [{ account, scope }],
          searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
          staticSummary: `reconciliation of ${account} (${scope})`,
        }),
      );
    },
  };
}

/** What runs for an account, by Temporal's own list; whether an owner runs is asked of its history, which is never late. One that is stuck owns nothing. */
export function createWorkflowRuns(client: Client, clock: () => number): WorkflowRuns {
  return {
    running: (account) =>
      told(client, clock, async () => {
        // By their names: a run of a signal has its search attributes only when its first task is done.
        const starts = [signalWorkflowsOf(account), ownerWorkflowsOf(account)];
        const query = `ExecutionStatus = 'Running' and (${starts.map((start) => `WorkflowId STARTS_WITH '${start}'`).join(' or ')})`;
        const found: { workflowId: string; startedMs: number }[] = [];
        for await (const { workflowId, startTime } of client.workflow.list({ query, pageSize: MOST_RUNS })) {
          // Some stores compare without regard to capitals.
          if (starts.some((start) => workflowId.startsWith(start))) found.push({ workflowId, startedMs: clock() - startTime.getTime() });
          if (found.length === MOST_RUNS) break;
        }
        return found;
      }),
    owners: (keys) =>
      told(client, clock, async () => {
        const ids = keys.map(ownerWorkflowId);
        const running = await Promise.all(ids.map((id) => isRunning(client, id, clock())));
        return new Set(ids.filter((_, index) => running[index]));
      }),
    async cancel(workflowId) {
      await told(client, clock, () => client.workflow.getHandle(workflowId).cancel());
    },
  };
}

async function isRunning(client: Client, workflowId: string, now: number): Promise<boolean> {
  const run = await runningRun(client, workflowId);
  return run !== undefined && !isStuck(run.raw.pendingWorkflowTask, now);
}
