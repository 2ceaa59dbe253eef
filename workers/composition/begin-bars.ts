import { TASK_QUEUES, WORKFLOW_TYPES, watchBarsWorkflowId } from '../../workflows/names.js';
import type { Beginnings } from './beginnings.js';
import type { WorkerProcess } from './process.js';
import { told } from './told.js';

/** Has Temporal run what follows the bars that strategies need, each by itself. Returns within the bound of one call. */
export async function beginBars(
  { client, clock }: Pick<WorkerProcess, 'client' | 'clock'>,
  strategies: readonly { readonly account: string; readonly interval: string }[],
  beginnings: Pick<Beginnings, 'begin'>,
): Promise<void> {
  const each = new Map(strategies.map(({ account, interval }) => [watchBarsWorkflowId(account, interval), { account, interval }]));
  await Promise.all(
    [...each].map(([workflowId, { account, interval }]) => {
      const staticSummary = `bars of ${interval} for ${account}`;
      const options = {
        taskQueue: TASK_QUEUES.trading,
        workflowIdConflictPolicy: 'USE_EXISTING' as const,
        args: [account, interval],
        ...{ workflowId, staticSummary },
      };
      return beginnings.begin(
        `the ${staticSummary}`,
        async () => void (await told(client, clock, () => client.workflow.start(WORKFLOW_TYPES.watchBars, options))),
        account,
      );
    }),
  );
}
