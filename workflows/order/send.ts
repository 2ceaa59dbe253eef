import { log, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { OwnerActivities } from '../../activities/order/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { RECORD, RESOLVE, SUBMIT, told } from '../activity-options.js';
import { isStepFailure } from './at-once.js';

const { submit } = proxyLocalActivities<OwnerActivities>(told(SUBMIT, 'sends the order, once'));
const { record } = proxyActivities<OwnerActivities>(told(RECORD, 'writes down what the venue said'));
const { resolve } = proxyActivities<OwnerActivities>(told(RESOLVE, 'asks the venue what became of the order'));

/**
 * Sends an authorised order of an owner, once, and writes down what the venue said (P5 to P10). What the send does not
 * tell is looked up, a first time here.
 */
export async function send({ intentId, account }: Pick<StoredOrder, 'intentId' | 'account'>): Promise<StoredOrder> {
  const sent = await submit(intentId, account).catch((error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('submit did not end: the outcome is looked up', { intentId, error: error.message });
    return undefined;
  });
  if (sent === undefined) return (await resolve(intentId)).order;
  return sent.kind === 'recorded' ? sent.order : record(intentId, sent);
}
