import { log, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { CommonOrderActivities } from '../../activities/order/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { RECORD, RECORD_AT_ONCE, RESOLVE, SUBMIT, told } from '../activity-options.js';
import { atOnceOr, isStepFailure } from './at-once.js';
import type { Submission } from '../../activities/order/submit.js';

const { submit } = proxyLocalActivities<CommonOrderActivities>(told(SUBMIT, 'sends the order, once'));
const atOnce = proxyLocalActivities<CommonOrderActivities>(told(RECORD_AT_ONCE, 'writes down what the venue said'));
const later = proxyActivities<CommonOrderActivities>(told(RECORD, 'writes down what the venue said'));
const { resolve } = proxyActivities<CommonOrderActivities>(told(RESOLVE, 'asks the venue what became of the order'));

/**
 * Sends an authorised order of an owner, once, and writes down what the venue said (P5 to P10), all in one task. What the
 * send does not tell is looked up, a first time here.
 */
export async function send({ intentId, account }: Pick<StoredOrder, 'intentId' | 'account'>): Promise<StoredOrder> {
  const submission = await submit(intentId, account).catch((error: unknown) => {
    if (!isStepFailure(error)) throw error;
    log.warn('submit did not end: the outcome is looked up', { intentId, error: error.message });
    return undefined;
  });
  return submission === undefined ? (await resolve(intentId)).order : record(intentId, submission);
}

/** What the venue replied is in the ledger before the task ends, and however long the database is away (P10). */
export function record(intentId: string, submission: Submission): Promise<StoredOrder> {
  return atOnceOr(
    () => atOnce.record(intentId, submission),
    () => later.record(intentId, submission),
  );
}
