import pg, { type Pool } from 'pg';
import type { OutboxRow, OutboxStore } from '../../activities/ports/outbox.js';
import { run } from './pool.js';

const CLAIM = { name: 'claim_outbox', text: 'select claim_outbox($1::jsonb) as answer' };
const FINISH = { name: 'finish_outbox', text: 'select finish_outbox($1::jsonb)' };
const CHANNEL = 'keelson_outbox';
const CONNECT_AGAIN_MS = 500;

/** The outbox in Postgres. `listen` holds a connection of its own. */
export function createOutboxStore(pool: Pool, url: string): OutboxStore {
  return {
    async claim(kinds, most, forMs) {
      const rows = await run<{ answer: readonly OutboxRow[] }>(pool, CLAIM, [JSON.stringify({ kinds, most, forMs })]);
      return rows[0]?.answer ?? [];
    },
    async finish(ids) {
      await run(pool, FINISH, [JSON.stringify(ids)]);
    },
    listen(onRow) {
      let client: pg.Client | undefined;
      let isOver = false;
      let timer: NodeJS.Timeout | undefined;
      const connect = (): void => {
        if (isOver) return;
        const mine = new pg.Client({ connectionString: url, application_name: 'keelson-outbox', keepAlive: true });
        client = mine;
        let isLost = false;
        const lost = (): void => {
          if (isLost) return;
          isLost = true;
          mine.end().catch(() => undefined);
          timer = setTimeout(connect, CONNECT_AGAIN_MS);
        };
        mine.on('error', lost);
        mine.on('end', lost);
        mine.on('notification', onRow);
        // What was written while nobody listened is looked for at once.
        mine
          .connect()
          .then(() => mine.query(`listen ${CHANNEL}`))
          .then(onRow, lost);
      };
      connect();
      return async () => {
        isOver = true;
        clearTimeout(timer);
        await client?.end().catch(() => undefined);
      };
    },
  };
}
