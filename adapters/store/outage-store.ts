import type { Pool } from 'pg';
import type { OutageStore, ResumeResult } from '../../activities/ports/outage.js';
import { KeelsonError } from '../../core/errors.js';
import type { OutageFacts } from '../../core/outage/steady.js';
import { jsonOf, run, type Statement } from './pool.js';

const READ = { name: 'read_outage', text: 'select read_outage($1) as answer' };
const FREEZE = { name: 'freeze_for_outage', text: 'select freeze_for_outage($1) as answer' };
const TRY = { name: 'note_outage_try', text: 'select note_outage_try($1::jsonb) as answer' };
const PAGE = { name: 'page_for_outage', text: 'select page_for_outage($1::jsonb) as answer' };
const RESUME = { name: 'resume_after_outage', text: 'select resume_after_outage($1::jsonb) as answer' };
const REPORT = { name: 'report_outage', text: 'select report_outage($1) as answer' };

/** Outages in Postgres. */
export function createOutageStore(pool: Pool): OutageStore {
  const answer = async <T>(statement: Statement, value: string): Promise<T | undefined> =>
    (await run<{ answer: T }>(pool, statement, [value]))[0]?.answer;
  return {
    async read(runId) {
      const facts = await answer<OutageFacts | null>(READ, runId);
      if (!facts) throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
      return facts;
    },
    async freeze(runId) {
      await answer(FREEZE, runId);
    },
    async noteTry(runId, outcome) {
      await answer(TRY, jsonOf({ runId, ...outcome }));
    },
    async page(runId, about, detail) {
      await answer(PAGE, jsonOf({ runId, about, detail }));
    },
    async resume(runId, rules) {
      return (await answer<ResumeResult>(RESUME, jsonOf({ runId, ...rules }))) ?? 'notSteady';
    },
    async report(runId) {
      await answer(REPORT, runId);
    },
  };
}
