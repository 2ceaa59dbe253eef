import { makeContinueAsNewFunc, proxyActivities, sleep, workflowInfo } from '@temporalio/workflow';
import type { CommonOrderActivities } from '../../activities/order/index.js';
import { RESOLVE, told } from '../activity-options.js';
import { WORKFLOW_TYPES } from '../names.js';
import { showStatus, type OrderOutcome } from './status.js';

const { resolve } = proxyActivities<CommonOrderActivities>(told(RESOLVE, 'asks the venue what became of the order'));

/** Longer histories replay super-linearly; the next run starts from the order's row. */
export const HISTORY_LIMIT = 2_000;

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

/** Goes on settling an order whose run became too long. What no workflow owns is taken up by the guardian's account stream, without one. */
export async function settleOrder(intentId: string): Promise<OrderOutcome> {
  return settle(intentId);
}

/** Also a run of `signalToOrder` goes on as one that only settles: nothing before the send may happen again. */
export async function continueAsNewSettling(intentId: string): Promise<never> {
  return makeContinueAsNewFunc<typeof settleOrder>({ workflowType: WORKFLOW_TYPES.settleOrder })(intentId);
}
