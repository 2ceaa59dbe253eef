import type { StoredOrder } from '../order/stored-order.js';

/** Why a signal has another order: each is a new intent with a new id (P14). */
export type NextAttempt = 'afterNotPlaced' | 'requote' | 'replace';

/** More orders than this has no signal, whatever happens. */
export const MOST_ATTEMPTS = 20;

/**
 * Whether a signal is tried once more after `order` has ended. The gate still decides: it denies an expired signal and
 * takes a fresh price.
 * @param before why the orders up to this one were made.
 * @param isReplaced the order was canceled because the price had moved away from it.
 */
export function nextAttempt(order: StoredOrder, before: readonly NextAttempt[], isReplaced: boolean): NextAttempt | undefined {
  if (!order.isFinal || before.length + 1 >= MOST_ATTEMPTS) return undefined;
  // What a person decided is not proven: the order may still be there (P14).
  if (order.failures.some((one) => one.code === 'ORDER_DECIDED_BY_PERSON')) return undefined;
  // Proven absent, which only a venue with an enforced admission window lets us prove (P12).
  if (order.status === 'notPlaced') return before.includes('afterNotPlaced') ? undefined : 'afterNotPlaced';
  if (order.status === 'rejected' && order.postOnly && order.failures.some((one) => one.values['reason'] === 'postOnlyWouldTake')) {
    return before.includes('requote') ? undefined : 'requote';
  }
  return order.status === 'canceled' && isReplaced ? 'replace' : undefined;
}
