import type { Pool } from 'pg';
import type { TemporalWaitStore } from '../../activities/ports/temporal-wait.js';
import { run } from './pool.js';

const TELL = { name: 'tell_without_temporal', text: 'select tell_without_temporal($1)' };
const END = { name: 'end_without_temporal', text: 'select end_without_temporal($1)' };

/** Who waits for Temporal, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createTemporalWaitStore(pool: Pool): TemporalWaitStore {
  return {
    async tell(guardian) {
      await run(pool, TELL, [guardian]);
    },
    async end(guardian) {
      await run(pool, END, [guardian]);
    },
  };
}
