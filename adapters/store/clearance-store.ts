import type { Pool } from 'pg';
import type { ClearanceStore, LedgerAnswer } from '../../activities/ports/clearance.js';
import { KeelsonError } from '../../core/errors.js';
import { run } from './pool.js';

const ASK = { name: 'read_clearance', text: 'select read_clearance() as answer' };

/** Over the very pool whose statements entries need: what it cannot do, they could not either. */
export function createClearanceStore(pool: Pool): ClearanceStore {
  return {
    async ask() {
      const rows = await run<{ answer: LedgerAnswer }>(pool, ASK, []);
      const answer = rows[0]?.answer;
      if (answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'it did not tell its time' });
      return answer;
    },
  };
}
