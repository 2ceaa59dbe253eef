import type { Pool } from 'pg';
import type { DiscrepancyStore } from '../../activities/ports/runbook.js';
import { KeelsonError } from '../../core/errors.js';
import type { Episode } from '../../core/reconcile/episode.js';
import { run } from './pool.js';

const READ = { name: 'read_discrepancies', text: 'select read_discrepancies($1) as answer' };
const CARRY = { name: 'carry_discrepancies', text: 'select carry_discrepancies($1)' };

/** What accounts are paused for, and the runs that carry it, in Postgres. */
export function createDiscrepancyStore(pool: Pool): DiscrepancyStore {
  return {
    async episode(runId) {
      const [row] = await run<{ answer: Episode | null }>(pool, READ, [runId]);
      if (row?.answer === undefined || row.answer === null) throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
      return row.answer;
    },
    async carryOn(account) {
      await run(pool, CARRY, [account]);
    },
  };
}
