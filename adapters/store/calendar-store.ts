import type { Pool } from 'pg';
import type { CalendarStore } from '../../activities/ports/calendar.js';
import { jsonOf, run } from './pool.js';

const CONFIGURE = { name: 'configure_calendar', text: 'select configure_calendar_of_start($1::jsonb) as answer' };
const SOURCE = { name: 'calendar_source', text: 'select calendar_source() as answer' };
const SAVE = { name: 'store_calendar', text: 'select store_calendar($1::jsonb) as answer' };
const FAILED = { name: 'fail_calendar', text: 'select fail_calendar($1::jsonb) as answer' };

/** The economic calendar in Postgres. */
export function createCalendarStore(pool: Pool): CalendarStore {
  return {
    async configure(calendar, { start, build }) {
      const [row] = await run<{ answer: 'same' | 'configured' | 'older' }>(pool, CONFIGURE, [
        jsonOf({ calendar, start: start ?? null, build }),
      ]);
      return row?.answer ?? 'same';
    },
    async source() {
      const [row] = await run<{ answer: string | null }>(pool, SOURCE, []);
      return row?.answer ?? undefined;
    },
    async save(read) {
      const [row] = await run<{ answer: boolean }>(pool, SAVE, [jsonOf(read)]);
      return row?.answer === true;
    },
    async failed(told) {
      await run(pool, FAILED, [jsonOf(told)]);
    },
  };
}
