import { proxyActivities, sleep } from '@temporalio/workflow';
import type { CommonOrderActivities } from '../../activities/order/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { RESOLVE } from '../activity-options.js';

const { resolve } = proxyActivities<CommonOrderActivities>(RESOLVE);

/** Asks the venue of an order until `isDone` holds; nothing is concluded from time alone (P11, P17). */
export async function settleUntil(intentId: string, isDone: (order: StoredOrder) => boolean): Promise<StoredOrder> {
  for (;;) {
    const { order, isSettled, waitMs } = await resolve(intentId);
    if (isSettled || isDone(order)) return order;
    await sleep(waitMs);
  }
}

/** Whether it is known that the order exists, or how it ended; one whose cancel is under way is not known to have ended. */
export function hasSettled(order: StoredOrder): boolean {
  if (order.isFinal) return true;
  const isKnown = order.status === 'accepted' || order.status === 'partiallyFilled';
  return isKnown && order.purpose === 'stop';
}
