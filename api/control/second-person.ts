import { KeelsonError } from '../../core/errors.js';
import { ACTIONS } from '../../core/people/actions.js';
import { APPROVAL_VALID_MS, STATE_TEXT, type ApprovalState } from '../../core/people/approvals.js';
import { assertNotLapsed } from '../people/lapsed.js';
import type { Database } from '../read/database.js';
import type { ControlCommand } from './control-port.js';

interface Answer {
  readonly result: ApprovalState | 'free' | 'otherPayload';
  readonly expiresTime: number;
}

/**
 * Lets a recorded resume go on when one person may decide it, or another one has approved it; else asks for that person.
 * Only for a better answer: the statement that changes the mode looks again.
 * @throws KeelsonError AUTH_APPROVAL_NEEDED while it waits, AUTH_APPROVAL_CLOSED when it waits no more.
 */
export async function assertNotAlone(database: Database, { commandId, account }: ControlCommand): Promise<void> {
  const { rows } = await database.query<{ answer: Answer }>('select request_resume($1::jsonb) as answer', [
    JSON.stringify({ commandId, validForMs: APPROVAL_VALID_MS }),
  ]);
  const { result: state, expiresTime } = rows[0]?.answer ?? { result: 'otherPayload', expiresTime: 0 };
  if (state === 'free' || state === 'approved') return;
  if (state !== 'pending') throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: commandId, state: STATE_TEXT[state] });
  await assertNotLapsed(database, commandId);
  throw new KeelsonError('AUTH_APPROVAL_NEEDED', {
    what: `Resuming ${account}`,
    why: 'it was paused by a risk officer',
    request: commandId,
    until: new Date(expiresTime).toISOString(),
    roles: ACTIONS.decideApproval.join(' or '),
  });
}
