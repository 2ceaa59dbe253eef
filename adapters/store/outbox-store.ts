import type { Pool } from 'pg';
import type { OutboxRow, OutboxStore } from '../../activities/ports/outbox.js';
import { listen } from './listener.js';
import { run } from './pool.js';

const CLAIM = { name: 'claim_outbox', text: 'select claim_outbox($1::jsonb) as answer' };
const FINISH = { name: 'finish_outbox', text: 'select finish_outbox($1::jsonb)' };
const CHANNEL = 'keelson_outbox';

/** The outbox in Postgres, for as long as the ledger has this epoch (P31). `listen` holds a connection of its own. */
export function createOutboxStore(pool: Pool, url: string, epoch: number): OutboxStore {
  return {
    async claim(kinds, most, forMs) {
      const rows = await run<{ answer: readonly OutboxRow[] }>(pool, CLAIM, [JSON.stringify({ kinds, most, forMs, epoch })]);
      return rows[0]?.answer ?? [];
    },
    async finish(ids) {
      await run(pool, FINISH, [JSON.stringify(ids)]);
    },
    // What was written while nobody listened is looked for at once; the loop looks by itself as well, so a loss is not told.
    listen: (onRow) =>
      listen({
        url,
        applicationName: 'keelson-outbox',
        channel: CHANNEL,
        onNotification: onRow,
        onListening: onRow,
        onLost: () => undefined,
      }),
  };
}
