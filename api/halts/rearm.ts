import { KeelsonError } from '../../core/errors.js';
import { ACTIONS } from '../../core/people/actions.js';
import { APPROVAL_VALID_MS, STATE_TEXT, type ApprovalState, type UnusableState } from '../../core/people/approvals.js';
import type { Caller } from '../auth/caller.js';
import type { ApiContext } from '../context.js';
import type { Database } from '../read/database.js';

interface Asked {
  readonly result: ApprovalState | 'notStanding' | 'otherPayload';
  readonly latchId?: string;
  readonly expiresTime?: number;
}

export interface RearmWish {
  readonly requestId: string;
  readonly latchId: string | null;
  readonly reason: string;
  readonly incidents: readonly string[];
}

/**
 * Writes down, under the caller's own key, that a latch is to be ended; the same request again changes nothing.
 * @returns true when another person has approved it.
 * @throws KeelsonError INPUT_UNKNOWN_HALT, AUTH_APPROVAL_NEEDED while it waits, AUTH_APPROVAL_CLOSED when it waits no more.
 */
export async function askRearm(database: Database, { subject, keyId }: Caller, wish: RearmWish): Promise<void> {
  const { rows } = await database.query<{ answer: Asked }>('select request_rearm($1::jsonb) as answer', [
    JSON.stringify({ ...wish, subject, underKey: keyId, validForMs: APPROVAL_VALID_MS }),
  ]);
  const { result: state, expiresTime = 0 } = rows[0]?.answer ?? { result: 'notStanding' as const };
  if (state === 'approved') return;
  if (state === 'notStanding') throw new KeelsonError('INPUT_UNKNOWN_HALT', { halt: wish.latchId ?? wish.requestId });
  if (state !== 'pending') throw new KeelsonError('AUTH_APPROVAL_CLOSED', { request: wish.requestId, state: STATE_TEXT[state] });
  throw new KeelsonError('AUTH_APPROVAL_NEEDED', {
    what: 'Ending a halt',
    why: 'nobody starts alone what was halted',
    request: wish.requestId,
    until: new Date(expiresTime).toISOString(),
    roles: ACTIONS.decideApproval.join(' or '),
  });
}

/**
 * Has every account under the latch looked at anew, and the latch ended: the statement that does it has the rows of two
 * people, and those looks, as its conditions (P30).
 * @param again how whoever is answered asks for it once more: who asked and who approved do that differently.
 * @throws KeelsonError HALT_NOT_CLEAN, AUTH_APPROVAL_CLOSED, INFRA_TEMPORAL
 */
export async function carryOutRearm(
  { database, control }: Pick<ApiContext, 'database' | 'control'>,
  requestId: string,
  again: string,
): Promise<void> {
  const { rows } = await database.query<{ latch_id: string; accounts: string[] }>(
    `select l.latch_id, array(select a from accounts_under(l.scope, l.scope_value, l.account) a order by a) as accounts
       from approval_requests r join latches l on l.latch_id = (r.payload->>'latchId')::uuid where r.request_id = $1 and r.action = 'rearm'`,
    [requestId],
  );
  const latch = rows[0];
  if (latch === undefined) throw new KeelsonError('INPUT_UNKNOWN_REQUEST', { request: requestId });
  if (latch.accounts.length === 0) return endOverNobody(database, latch.latch_id, requestId, again);
  // All at once: the last that is found clean ends the latch.
  const answers = await Promise.all(latch.accounts.map((account) => control.rearm({ latchId: latch.latch_id, requestId }, account))).catch(
    (error: unknown) => {
      if (!(error instanceof KeelsonError) || error.failure.code !== 'INFRA_TEMPORAL') throw error;
      const detail = `${error.failure.values['detail'] ?? '?'}; the halt stands, the request stays good: ${again}`;
      throw new KeelsonError('INFRA_TEMPORAL', { detail }, { cause: error });
    },
  );
  if (answers.some(({ kind }) => kind === 'released')) return;
  const closed = answers.find((answer) => answer.kind === 'notApproved');
  if (closed !== undefined) throw closedBy(requestId, closed.state);
  const found = answers.flatMap((answer) => (answer.kind === 'notClean' ? [answer.found] : [])).join('; ');
  throw new KeelsonError('HALT_NOT_CLEAN', { found, request: requestId, again });
}

/**
 * Where it is about no account there is nothing to look at, and no kill to ask: the rows of two people are enough. Unless one has left the
 * configuration that it would be about: of that one nobody knows anything, and the statement says so.
 */
async function endOverNobody(database: Database, latchId: string, requestId: string, again: string): Promise<void> {
  const { rows } = await database.query<{ answer: { result: string; state?: string; found?: string } }>(
    'select release_latch($1::jsonb) as answer',
    [JSON.stringify({ latchId, requestId })],
  );
  const { result, state = '', found = 'the database gave no answer' } = rows[0]?.answer ?? { result: 'none' };
  if (result === 'released') return;
  if (result === 'notApproved') throw closedBy(requestId, state);
  throw new KeelsonError('HALT_NOT_CLEAN', { found, request: requestId, again });
}

function closedBy(request: string, state: string): KeelsonError {
  return new KeelsonError('AUTH_APPROVAL_CLOSED', { request, state: STATE_TEXT[state as UnusableState] ?? state });
}
