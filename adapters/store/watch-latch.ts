import type { Pool } from 'pg';
import type { HaltPort } from '../../activities/ports/halt.js';
import { KeelsonError } from '../../core/errors.js';
import { jsonOf, run } from './pool.js';

const LATCH = { name: 'latch_for_watch', text: 'select latch_for_watch($1::jsonb) as answer' };

/** The account watch's halts of an account, straight in Postgres (P26). @throws KeelsonError INFRA_DATABASE. */
export function createWatchLatch(pool: Pool): HaltPort {
  return {
    async latch({ scopeValue }, { subject, reason, policy }) {
      const rows = await run<{ answer: { latchId: string; isNew: boolean } | null }>(pool, LATCH, [
        jsonOf({ account: scopeValue, subject, reason, policy }),
      ]);
      const answer = rows[0]?.answer;
      if (!answer) throw new KeelsonError('INFRA_DATABASE', { detail: 'the halt had no answer' });
      return answer;
    },
  };
}
