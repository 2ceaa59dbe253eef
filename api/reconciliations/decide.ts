import { KeelsonError } from '../../core/errors.js';
import type { Decision } from '../../core/reconcile/difference.js';
import type { Caller } from '../auth/caller.js';
import { rebuildLedger } from '../ledger/rebuild.js';
import type { Database } from '../read/database.js';

interface Answer {
  readonly result: 'done' | 'unknown' | 'notOpen' | 'impossible';
  readonly why?: string;
}

interface Found {
  readonly account: string;
  readonly status: string;
  readonly decision: Decision | null;
  readonly decidedBy: string | null;
  readonly isDerived: boolean;
}

export interface DifferenceDecision {
  readonly differenceId: string;
  readonly decision: Decision;
  readonly reason: string;
  /** Whose order it becomes, where it is taken over. */
  readonly strategy?: string | undefined;
}

/** SQLSTATE of a ledger that does not take a part of what would be booked: nothing of it is. */
const LEDGER_REFUSES = 'KE003';

/**
 * Writes down what a person decides about a difference, under that person's own key, and closes its incident. What has to be
 * done at the venue for it is done by the next reconciliation.
 * @throws KeelsonError INPUT_UNKNOWN_DIFFERENCE, INPUT_DIFFERENCE_SETTLED, INPUT_DECISION_IMPOSSIBLE, LEDGER_NOT_REBUILT
 */
export async function decideDifference(database: Database, caller: Caller, wish: DifferenceDecision): Promise<void> {
  const { subject, keyId } = caller;
  const { differenceId: difference, decision } = wish;
  const asked = { ...wish, subject, underKey: keyId };
  const { result, why = 'it is not' } = decision === 'rebuild' ? await rebuild(database, caller, wish) : await ask(database, asked);
  switch (result) {
    case 'done':
      return;
    case 'unknown':
      throw new KeelsonError('INPUT_UNKNOWN_DIFFERENCE', { difference });
    case 'notOpen':
      throw new KeelsonError('INPUT_DIFFERENCE_SETTLED', { difference, status: why });
    case 'impossible':
      throw new KeelsonError('INPUT_DECISION_IMPOSSIBLE', { difference, decision, why });
  }
}

/** All that is derived in the account, since the one follows from the other; it decides every difference that is about that. */
async function rebuild(database: Database, caller: Caller, { differenceId, reason }: DifferenceDecision): Promise<Answer> {
  const { rows } = await database.query<Found>(
    `select account, status, decision, decided_by as "decidedBy", is_of_derived(class, subject) as "isDerived"
     from reconciliation_differences where difference_id = $1`,
    [differenceId],
  );
  const [found] = rows;
  if (found === undefined) return { result: 'unknown' };
  if (found.decision === 'rebuild' && found.decidedBy === caller.subject) return { result: 'done' };
  if (found.status !== 'open') return { result: 'notOpen', why: found.status };
  if (!found.isDerived) return { result: 'impossible', why: 'it is not about what the ledger derives from its entries' };
  const { decided } = await rebuildLedger(database, caller, { account: found.account, reason });
  // Else somebody has decided it meanwhile.
  return decided.includes(differenceId) ? { result: 'done' } : { result: 'notOpen', why: 'decided' };
}

async function ask(database: Database, asked: object): Promise<Answer> {
  try {
    const { rows } = await database.query<{ answer: Answer }>('select decide_difference($1::jsonb) as answer', [JSON.stringify(asked)]);
    return rows[0]?.answer ?? { result: 'unknown' };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string };
    if (code === LEDGER_REFUSES) return { result: 'impossible', why: message ?? 'the ledger refuses it' };
    throw error;
  }
}
