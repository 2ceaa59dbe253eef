import type { Pool } from 'pg';
import type { ClearanceStore, LedgerAnswer } from '../../activities/ports/clearance.js';
import { KeelsonError } from '../../core/errors.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { jsonOf, run } from './pool.js';

const ASK = { name: 'keep_contact', text: 'select keep_contact($1::jsonb) as answer' };
const END = { name: 'end_contact', text: 'select end_contact($1)' };

/**
 * Over the very pool whose statements entries need: what it cannot do, they could not either.
 * @param worker its name, which it keeps over restarts, and no other that runs beside it has.
 */
export function createClearanceStore(pool: Pool, worker: string): ClearanceStore {
  return {
    async ask() {
      const rows = await run<{ answer: LedgerAnswer }>(pool, ASK, [jsonOf({ worker, lostAfterMs: PROTOCOL.ledgerLostMs })]);
      const answer = rows[0]?.answer;
      if (answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'it did not tell its time' });
      return answer;
    },
    async end() {
      await run(pool, END, [worker]);
    },
  };
}
