import { continueAsNew, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { OrderActivities } from '../../activities/order/index.js';
import { RESOLVE } from '../activity-options.js';
import { showStatus, type OrderOutcome } from './status.js';

const { resolve } = proxyActivities<OrderActivities>(RESOLVE);

/** Longer histories replay super-linearly; the next run starts from the order's row. */
const HISTORY_LIMIT = 2_000;

/**
 * Asks the venue until the order is settled. It ends only with proof: nothing is concluded from time alone, save what
 * the protocol's admission window proves (P11, P15).
 */
export async function settle(intentId: string): Promise<OrderOutcome> {
  for (;;) {
    const progress = await resolve(intentId);
    showStatus({ intentId, order: progress.order });
    if (progress.isSettled) return showStatus({ intentId, order: progress.order });
    if (workflowInfo().historyLength > HISTORY_LIMIT) await continueAsNewSettling(intentId);
    await sleep(progress.waitMs);
  }
}

/** Settles an order that no workflow owns: started by the guardian's sweeper, and by a run that became too long. */
export async function settleOrder(intentId: string): Promise<OrderOutcome> {
  return settle(intentId);
}

function continueAsNewSettling(intentId: string): Promise<never> {
  return continueAsNew<typeof settleOrder>(intentId);
}
