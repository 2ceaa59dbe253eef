import { KeelsonError } from '../../core/errors.js';
import type { Decision } from '../../core/reconcile/difference.js';
import type { Caller } from '../auth/caller.js';
import type { Database } from '../read/database.js';

interface Answer {
  readonly result: 'done' | 'unknown' | 'notOpen' | 'impossible';
  readonly why?: string;
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
 * @throws KeelsonError INPUT_UNKNOWN_DIFFERENCE, INPUT_DIFFERENCE_SETTLED, INPUT_DECISION_IMPOSSIBLE
 */
export async function decideDifference(database: Database, { subject, keyId }: Caller, wish: DifferenceDecision): Promise<void> {
  const { differenceId: difference, decision } = wish;
  const { result, why = 'it is not' } = await ask(database, { ...wish, subject, underKey: keyId });
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
