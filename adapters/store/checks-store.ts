import type { Pool } from 'pg';
import type { CalendarFacts, CheckFacts } from '../../core/checks/facts.js';
import type { StatementFacts } from '../../core/checks/statement.js';
import { KeelsonError } from '../../core/errors.js';
import { run } from './pool.js';

const READ = {
  name: 'read_checks',
  text: `select read_checks($1) || jsonb_build_object('pastAlerts', past_alerts($1), 'left', left_differences($1)) as answer`,
};

/** What the daily checks look at. */
export async function readCheckFacts(pool: Pool, account: string): Promise<CheckFacts> {
  const [row] = await run<{ answer: CheckFacts }>(pool, READ, [account]);
  if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'read_checks gave no answer' });
  return row.answer;
}

const STATEMENT = {
  name: 'read_day_statement',
  text: `select read_day_statement($1, coalesce($2::date, (clock_timestamp() at time zone 'UTC')::date))
           || jsonb_build_object('left', left_differences($1)) as answer`,
};

/**
 * The statement of a day of UTC, today so far when it is left out. It sums up every entry of the account: for a pool that may take
 * its time.
 */
export async function readDayStatement(pool: Pool, account: string, day: string | null = null): Promise<StatementFacts> {
  const [row] = await run<{ answer: StatementFacts }>(pool, STATEMENT, [account, day]);
  if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'read_day_statement gave no answer' });
  return row.answer;
}

const CALENDAR = { name: 'read_calendar', text: 'select read_calendar() as answer' };

/** The economic calendar; null: none is configured. */
export async function readCalendarFacts(pool: Pool): Promise<CalendarFacts | null> {
  const [row] = await run<{ answer: CalendarFacts | null }>(pool, CALENDAR, []);
  return row?.answer ?? null;
}
