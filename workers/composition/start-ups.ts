import { createHash } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { BegunStart } from '../../activities/ports/trading-state.js';
import { beginSystemStart } from '../../adapters/store/trading-state-store.js';
import { RUNBOOK_SPECS } from '../../core/runbook/registry.js';
import { resourceOf, runbookWorkflowId } from '../../core/runbook/spec.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';

/** One run for each account and start, whichever process asks for it: a UUID of the kind that is made of a hash (version 8). */
function runIdOf(start: string, account: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify(['startUp', start, account]))
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(12, 15)}`, `8${hex.slice(15, 18)}`, hex.slice(18, 30)].join('-');
}

/**
 * Takes an account into observation at a new start of the system (`KEELSON_START`), before this process opens anything there. Of a
 * process that belongs to no start nobody knows whether it has crashed: it begins none.
 */
export async function announceStart(pool: Pool, start: string | undefined, account: string): Promise<BegunStart | undefined> {
  if (start === undefined || start === '') return undefined;
  const resource = resourceOf({ ...RUNBOOK_SPECS.startUp, steps: [] }, account);
  return beginSystemStart(pool, { account, start, runId: runIdOf(start, account), resource });
}

/** Has the start-up of an account carried out, once; what the start before had left half done is ended. */
export async function carryOutStartUp(
  client: Client,
  account: string,
  { runId, isEnded, superseded }: BegunStart,
  taskQueue: string = TASK_QUEUES.guardian,
): Promise<void> {
  for (const old of superseded) {
    // Its row has ended, and its steps do nothing any more; one that waits for a person would wait for ever.
    await client.workflow
      .getHandle(runbookWorkflowId(old))
      .terminate('the system was started anew')
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      });
  }
  if (isEnded) return;
  await client.workflow.start(WORKFLOW_TYPES.runbook, {
    taskQueue,
    workflowId: runbookWorkflowId(runId),
    args: [runId],
    workflowIdConflictPolicy: 'USE_EXISTING',
    searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
    staticSummary: `startUp of ${account}`,
  });
}
