import { KeelsonError } from '../../core/errors.js';
import { ACTIONS } from '../../core/people/actions.js';
import { APPROVAL_VALID_MS, STATE_TEXT, type ApprovalState } from '../../core/people/approvals.js';
import type { Caller } from '../auth/caller.js';
import { assertNotLapsed } from '../people/lapsed.js';
import type { Database } from '../read/database.js';

/** What a request of limits asks for; whoever decides it sees the payload whole. */
export const LIMIT_ACTIONS: readonly string[] = ['loosenLimit', 'overrideLimit'];

export interface LimitRequest {
  readonly requestId: string;
  readonly action: 'loosenLimit' | 'overrideLimit';
  readonly account: string;
  readonly payload: object;
  /** Of an override: the versions of the limits that it was asked over. No part of what is asked for. */
  readonly askedOver?: object;
  readonly reason: string;
  readonly what: string;
  readonly why: string;
}

const STATES: Readonly<Record<string, string>> = {
  ...STATE_TEXT,
  otherPayload: 'for something else, or of somebody else',
  changed: 'about a limit that has been changed since',
};

/**
 * Returns when another person has approved exactly this, and asks for that person as long as nobody has. The statement that
 * changes the limit looks again.
 * @throws KeelsonError AUTH_APPROVAL_NEEDED while it waits, AUTH_APPROVAL_CLOSED when it waits no more.
 */
export async function agreeWithAnother(database: Database, { subject, keyId }: Caller, request: LimitRequest): Promise<void> {
  const { requestId, action, account, payload, askedOver, reason, what, why } = request;
  const { rows } = await database.query<{ answer: { result: ApprovalState | 'otherPayload'; expiresTime: number } }>(
    'select request_approval($1::jsonb) as answer',
    [JSON.stringify({ requestId, action, account, payload, askedOver, reason, subject, underKey: keyId, validForMs: APPROVAL_VALID_MS })],
  );
  const { result: state, expiresTime } = rows[0]?.answer ?? { result: 'otherPayload', expiresTime: 0 };
  if (state === 'approved' || state === 'used') return;
  if (state !== 'pending') throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: requestId, state: STATES[state] ?? state });
  await assertNotLapsed(database, requestId);
  throw new KeelsonError('AUTH_APPROVAL_NEEDED', {
    what,
    why,
    request: requestId,
    until: new Date(expiresTime).toISOString(),
    roles: ACTIONS.decideApproval.join(' or '),
  });
}

/** Does what an approved request says; what it has done already it does not do again. @throws KeelsonError AUTH_APPROVAL_CLOSED */
export async function applyLimitRequest(database: Database, requestId: string): Promise<void> {
  const { rows } = await database.query<{ answer: string }>('select apply_limit_request($1::jsonb) as answer', [
    JSON.stringify({ requestId }),
  ]);
  const answer = rows[0]?.answer ?? 'missing';
  if (answer === 'granted' || answer === 'used') return;
  throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: requestId, state: STATES[answer] ?? answer });
}
