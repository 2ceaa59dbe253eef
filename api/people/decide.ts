import { KeelsonError } from '../../core/errors.js';
import { STATE_TEXT, type Decision } from '../../core/people/approvals.js';
import type { Caller } from '../auth/caller.js';
import type { Database } from '../read/database.js';
import { assertNotLapsed } from './lapsed.js';

/**
 * Writes a person's decision about another's request, under that person's own key; the same again changes nothing,
 * but where the key of the earlier one counts no more, it is taken anew.
 * @throws KeelsonError INPUT_UNKNOWN_REQUEST, AUTH_OWN_REQUEST, AUTH_APPROVAL_CLOSED
 */
export async function decide(
  database: Database,
  { subject, keyId }: Caller,
  decision: Decision,
  { requestId, payloadHash, reason }: { readonly requestId: string; readonly payloadHash: string; readonly reason: string },
): Promise<void> {
  const { rows } = await database.query<{ answer: string }>('select decide_approval($1::jsonb) as answer', [
    JSON.stringify({ requestId, payloadHash, decision, reason, subject, keyId }),
  ]);
  const answer = rows[0]?.answer ?? 'unknown';
  if (answer === 'written' || answer === 'stored') return;
  if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_REQUEST', { request: requestId });
  if (answer === 'own') throw new KeelsonError('AUTH_OWN_REQUEST', { request: requestId, subject });
  // Revoked, or its person has lost the role, between the look at the key and the statement.
  if (answer === 'noKey') throw new KeelsonError('AUTH_INVALID');
  if (answer === 'lapsed') await assertNotLapsed(database, requestId);
  const states: Readonly<Record<string, string>> = {
    ...STATE_TEXT,
    decided: `decided otherwise by ${subject} already`,
    otherPayload: 'not what was looked at (its hash is another)',
  };
  throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: requestId, state: states[answer] ?? answer });
}
