import type { Client } from '@temporalio/client';
import type { Kills } from '../../activities/ports/kill.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { killWorkflowId, TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.js';
import { haltChangedSignal } from '../../workflows/kill-switch/messages.js';
import { told } from './told.js';

/** The kills of accounts, as workflows on the guardian's queue: one for each account, whatever latches are over it. */
export function createKills(client: Client, clock: () => number, taskQueue: string = TASK_QUEUES.guardian): Kills {
  return {
    async wake(account) {
      await told(client, clock, () =>
        client.workflow.signalWithStart(WORKFLOW_TYPES.killSwitch, {
          taskQueue,
          workflowId: killWorkflowId(account),
          args: [account],
          signal: haltChangedSignal,
          // A guardian that dies inside a task is replaced after this long.
          workflowTaskTimeout: '5s',
          searchAttributes: { [SEARCH_ATTRIBUTES.account]: [account], [SEARCH_ATTRIBUTES.status]: ['running'] },
          staticSummary: `kill switch of ${account}`,
        }),
      );
    },
  };
}
