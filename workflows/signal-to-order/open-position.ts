import { log, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { OrderActivities } from '../../activities/order/index.js';
import type { Tended } from '../../activities/order/tend.js';
import { nextAttempt, type NextAttempt } from '../../core/execution/next-attempt.js';
import { decimal, text, ZERO, type Decimal } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { ENTER, RECORD, RECORD_AT_ONCE, TEND, told } from '../activity-options.js';
import { atOnceOr, isStepFailure } from '../order/at-once.js';
import { continueAsNewSettling, HISTORY_LIMIT } from '../order/settle.js';
import { showDenied, showOrders, type OrderOutcome } from '../order/status.js';

const { enter } = proxyLocalActivities<OrderActivities>(
  told(ENTER, 'the gate decides, the order is written, sent once, and the reply written down'),
);
const atOnce = proxyLocalActivities<OrderActivities>(told(RECORD_AT_ONCE, 'writes down what the venue said'));
const { record } = proxyActivities<OrderActivities>(told(RECORD, 'writes down what the venue said'));
const { abandon } = proxyActivities<OrderActivities>(told(RECORD, 'proves the order unsent'));
const { tend } = proxyActivities<OrderActivities>(told(TEND, 'looks after the order until it is over'));

/**
 * An entry: authorise, submit and record are one local activity of the first workflow task, so one durable write lies between
 * the decision and the send; what forbids a second send is the order's row, not Temporal. What the venue replied is in the
 * ledger before the task ends, and not only after another round through the server. When an order is over, the policy of
 * the strategy may make another one for the same signal, as a new intent (P14).
 */
export async function openPosition(signal: TradeSignal): Promise<OrderOutcome> {
  const orders: StoredOrder[] = [];
  const reasons: NextAttempt[] = [];
  let executed: Decimal = ZERO;
  for (let attempt = 1; ; attempt += 1) {
    const begun = await begin(signal, attempt, executed);
    if (begun.kind === 'denied') return orders.length === 0 ? showDenied(intentIdOf(signal), begun.codes) : showOrders(orders);
    const { order, isReplaced } = begun.isSent ? await work(begun.order, signal) : { order: begun.order, isReplaced: false };
    orders.push(order);
    executed = executed.plus(decimal(order.executedQuantity));
    const next = nextAttempt(order, reasons, isReplaced);
    if (next === undefined) return showOrders(orders);
    reasons.push(next);
  }
}

type Begun =
  | { readonly kind: 'denied'; readonly codes: readonly string[] }
  | { readonly kind: 'order'; readonly order: StoredOrder; readonly isSent: boolean };

/** Authorises and sends the n-th order of the signal. */
async function begin(signal: TradeSignal, attempt: number, executed: Decimal): Promise<Begun> {
  const intentId = intentIdOf(signal, attempt);
  const entered = await enter(signal, { attempt, executed: text(executed) }).catch(async (error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('authorise or submit did not end', { intentId, error: error.message });
    return { kind: 'abandoned' as const, order: await abandon(signal, error.cause?.message ?? error.message, attempt) };
  });
  if (entered.kind === 'denied') return { kind: 'denied', codes: entered.failures.map((one) => one.code) };
  if (entered.kind === 'abandoned') {
    const { order } = entered;
    return order === null ? { kind: 'denied', codes: ['INFRA_DATABASE'] } : { kind: 'order', order, isSent: !order.isFinal };
  }
  if (entered.kind === 'recorded') return { kind: 'order', order: entered.order, isSent: true };
  const { submission } = entered;
  const order = await atOnceOr(
    () => atOnce.record(intentId, submission),
    () => record(intentId, submission),
  );
  return { kind: 'order', order, isSent: true };
}

/** Looks after an order until it is over: it ends only with proof (P11, P15, P17). */
async function work(sent: StoredOrder, signal: TradeSignal): Promise<Tended> {
  let seen: Tended = { order: sent, isReplaced: false };
  while (!seen.order.isFinal) {
    if (workflowInfo().historyLength > HISTORY_LIMIT) await continueAsNewSettling(seen.order.intentId);
    showOrders([seen.order]);
    const { order, isReplaced } = await tend(seen.order.intentId, signal);
    seen = { order, isReplaced: seen.isReplaced || isReplaced };
  }
  return seen;
}
