import type { Pool } from 'pg';
import type { Booking, LedgerStore } from '../../activities/ports/ledger.js';
import { KeelsonError } from '../../core/errors.js';
import { jsonOf, run, type Statement } from './pool.js';

const call = (name: string): Statement => ({ name, text: `select ${name}($1::jsonb) as answer` });
const BOOK_MOVEMENT = call('book_movement');
const BOOK_FOREIGN_FILL = call('book_foreign_fill');

/** What is booked beside our own fills, in Postgres. */
export function createLedgerStore(pool: Pool): LedgerStore {
  const book = async (statement: Statement, input: object): Promise<Booking> => {
    const [row] = await run<{ answer: Booking }>(pool, statement, [jsonOf(input)]);
    if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: `${statement.name} gave no answer` });
    return row.answer;
  };
  return {
    bookMovement: (movement) => book(BOOK_MOVEMENT, movement),
    bookForeignFill: (fill) => book(BOOK_FOREIGN_FILL, fill),
  };
}
