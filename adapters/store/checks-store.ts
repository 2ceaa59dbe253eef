import type { Pool } from 'pg';
import type { CalendarFacts, CheckFacts } from '../../core/checks/facts.js';
import { KeelsonError } from '../../core/errors.js';
import { run } from './pool.js';

const READ = { name: 'read_checks', text: 'select read_checks($1) as answer' };

/** What the daily checks look at. */
export async function readCheckFacts(pool: Pool, account: string): Promise<CheckFacts> {
  const [row] = await run<{ answer: CheckFacts }>(pool, READ, [account]);
  if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'read_checks gave no answer' });
  return row.answer;
}

const CALENDAR = { name: 'read_calendar', text: 'select read_calendar() as answer' };

/** The economic calendar; null: none is configured. */
export async function readCalendarFacts(pool: Pool): Promise<CalendarFacts | null> {
  const [row] = await run<{ answer: CalendarFacts | null }>(pool, CALENDAR, []);
  return row?.answer ?? null;
}
