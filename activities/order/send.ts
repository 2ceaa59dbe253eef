import type { StoredOrder } from '../../core/order/stored-order.js';
import type { createRecord } from './record.js';
import type { createSubmit, Submission } from './submit.js';

/** What a send came to; `recorded`: and the ledger knows it. */
export type Sent = Submission | { readonly kind: 'recorded'; readonly order: StoredOrder };

/**
 * Submit, and what the venue said written down at once: no other step lies between them, in which the process could end with
 * what it alone knows. What cannot be written down now is handed on, for a step of its own that tries until it is.
 */
export function createSend(
  submit: ReturnType<typeof createSubmit>,
  record: ReturnType<typeof createRecord>,
): (...which: Parameters<typeof submit>) => Promise<Sent> {
  return async (...which) => {
    const [intentId] = which;
    const submission = await submit(...which);
    try {
      return { kind: 'recorded', order: await record(intentId, submission) };
    } catch {
      return submission;
    }
  };
}
