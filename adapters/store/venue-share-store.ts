import type { Pool } from 'pg';
import type { VenueShareStore } from '../../activities/ports/venue-share.js';
import type { DividedShare } from '../../core/venue/entry-share.js';
import { jsonOf, run } from './pool.js';

const TAKE = { name: 'take_venue_share', text: 'select take_venue_share($1::jsonb) as answer' };

/** How trading's share is divided, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createVenueShareStore(pool: Pool): VenueShareStore {
  return {
    async take(question) {
      const rows = await run<{ answer: DividedShare | null }>(pool, TAKE, [jsonOf(question)]);
      return rows[0]?.answer ?? undefined;
    },
  };
}
