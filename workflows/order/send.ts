import { log, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { CommonOrderActivities } from '../../activities/order/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { RECORD, RESOLVE, SUBMIT, told } from '../activity-options.js';
import { isStepFailure } from './at-once.js';

const { submit } = proxyLocalActivities<CommonOrderActivities>(told(SUBMIT, 'sends the order, once'));
const { record } = proxyActivities<CommonOrderActivities>(told(RECORD, 'writes down what the venue said'));
const { resolve } = proxyActivities<CommonOrderActivities>(told(RESOLVE, 'asks the venue what became of the order'));

/**
 * Sends an authorised order of an owner, once, and writes down what the venue said (P5 to P10). What the send does not
 * tell is looked up, a first time here.
 */
export async function send({ intentId, account }: Pick<StoredOrder, 'intentId' | 'account'>): Promise<StoredOrder> {
  const submission = await submit(intentId, account).catch((error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('submit did not end: the outcome is looked up', { intentId, error: error.message });
    return undefined;
  });
  return submission === undefined ? (await resolve(intentId)).order : record(intentId, submission);
}
