import { KeelsonError, failure } from '../../core/errors.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import type { Database } from '../read/database.js';

export interface OrderDecision {
  readonly intentId: string;
  readonly reason: string;
}

/**
 * Ends an order on a person's word: as not placed where nobody can find out its outcome (P11, P12), as canceled where it was
 * there and its venue does not show it any more. What the venue shows of it later is booked all the same, with an incident.
 * @throws KeelsonError INPUT_UNKNOWN_ORDER, INPUT_ORDER_SETTLED, INPUT_ORDER_STILL_ASKED
 */
export async function decideOver(database: Database, caller: Caller, { intentId, reason }: OrderDecision): Promise<void> {
  const { message } = failure('ORDER_DECIDED_BY_PERSON', { subject: caller.subject, reason });
  const answer = await changeAs(database, 'decide_order', caller, { intentId, reason, message });
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_ORDER', { order: intentId });
  if (answer === 'settled') throw new KeelsonError('INPUT_ORDER_SETTLED', { order: intentId });
  if (answer === 'tooSoon') throw new KeelsonError('INPUT_ORDER_STILL_ASKED', { order: intentId });
}
