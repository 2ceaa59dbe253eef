import type { Pool } from 'pg';
import type { AskedRun, Begun, GivenUp, PartEnd, PartKey, RunbookStore, RunCommand, RunToWake } from '../../activities/ports/runbook.js';
import { KeelsonError } from '../../core/errors.js';
import { APPROVAL_VALID_MS, type UnusableState } from '../../core/people/approvals.js';
import type { Plan, PlainObject } from '../../core/runbook/spec.js';
import type { EndStatus } from '../../core/runbook/status.js';
import { jsonOf, run, type Statement } from './pool.js';

const ASK = { name: 'ask_runbook', text: 'select ask_runbook($1::jsonb) as answer' };
const UNDER_WAY = {
  name: 'runbooks_under_way',
  text: `select run_id::text as "runId", runbook, account from runbook_runs
    where account = $1 and ended_at is null and epoch = (select epoch from instance) order by created_at`,
};
const READ = { name: 'read_runbook', text: 'select runbook_run_json(r) as answer from runbook_runs r where run_id = $1' };
const PLAN = { name: 'plan_runbook', text: 'select plan_runbook($1::jsonb) as answer' };
const HASH = { name: 'hash_runbook_plan', text: `select encode(payload_hash($1::jsonb), 'hex') as answer` };
const BEGIN = { name: 'begin_runbook', text: 'select begin_runbook($1::jsonb) as answer' };
const BEGIN_PART = { name: 'begin_runbook_part', text: 'select begin_runbook_part($1::jsonb) as answer' };
const END_PART = { name: 'end_runbook_part', text: 'select end_runbook_part($1::jsonb) as answer' };
const HELD_UP = { name: 'hold_up_runbook_part', text: 'select hold_up_runbook_part($1::jsonb) as answer' };
const WENT_ON = { name: 'go_on_with_runbook_part', text: 'select go_on_with_runbook_part($1::jsonb) as answer' };
const TELL = { name: 'tell_runbook', text: 'select tell_runbook($1::jsonb) as answer' };
const END = { name: 'end_runbook', text: 'select end_runbook($1::jsonb) as answer' };
const CALL = { name: 'call_for_runbook', text: 'select call_for_runbook($1::jsonb) as answer' };
const COMMAND = { name: 'read_runbook_command', text: 'select read_runbook_command($1, $2) as answer' };
const REFUSED = { name: 'refuse_runbook_command', text: 'select refuse_runbook_command($1) as answer' };
const APPLIED = { name: 'apply_runbook_command', text: 'select apply_runbook_command($1::jsonb) as answer' };

type BegunPart =
  | { readonly result: 'begin' }
  | { readonly result: 'preempted'; readonly detail: string }
  | ({ readonly result: 'aborted' } & GivenUp)
  | { readonly result: 'stored'; readonly outcome: 'done' | 'failed'; readonly output: PlainObject | null; readonly detail: string | null };

/** Runs of runbooks in Postgres. */
export function createRunbookStore(pool: Pool): RunbookStore {
  const answer = async <T>(statement: Statement, values: unknown[]): Promise<T | undefined> =>
    (await run<{ answer: T }>(pool, statement, values))[0]?.answer;
  const told = <T>(statement: Statement, what: object): Promise<T | undefined> => answer<T>(statement, [jsonOf(what)]);
  return {
    async ask(asked) {
      const result = await told<string>(ASK, asked);
      if (result !== 'asked' && result !== 'stored') throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: asked.runId });
    },
    async underWay(account) {
      return run<RunToWake>(pool, UNDER_WAY, [account]);
    },
    async read(runId) {
      const found = await answer<AskedRun & { readonly plan: Plan | null }>(READ, [runId]);
      if (found === undefined) throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
      return found;
    },
    async plan(runId, plan, needsApproval) {
      const validForMs = APPROVAL_VALID_MS;
      return (await told<'free' | 'approved' | UnusableState | EndStatus>(PLAN, { runId, plan, needsApproval, validForMs })) ?? 'missing';
    },
    async hashOf(plan) {
      const hash = await told<string>(HASH, plan);
      if (hash === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'payload_hash gave no answer' });
      return hash;
    },
    async begin(runId, plan, runsUnderHalt) {
      const begun = await told<Partial<Begun> & Pick<Begun, 'result'>>(BEGIN, { runId, plan, runsUnderHalt });
      return { detail: '', ...(begun ?? { result: 'lapsed' }) };
    },
    async beginPart(key, what) {
      const begun = (await told<BegunPart>(BEGIN_PART, { ...key, ...what })) ?? {
        result: 'preempted',
        detail: 'the database gave no answer',
      };
      if (begun.result === 'begin') return null;
      if (begun.result === 'preempted') return { outcome: 'preempted', detail: begun.detail };
      if (begun.result === 'aborted') return { outcome: 'aborted', subject: begun.subject, reason: begun.reason };
      return begun.outcome === 'done' ? { outcome: 'done', output: begun.output } : { outcome: 'failed', detail: begun.detail ?? '' };
    },
    async endPart(key: PartKey, end: PartEnd) {
      return (await told<GivenUp | null>(END_PART, { ...key, ...end })) ?? null;
    },
    async heldUp(key, begunTime, detail) {
      await told(HELD_UP, { ...key, begunTime, detail });
    },
    async wentOn(key) {
      await told(WENT_ON, key);
    },
    async tell(runId, status, detail) {
      await told(TELL, { runId, status, detail });
    },
    async end(runId, status, detail) {
      await told(END, { runId, status, detail });
    },
    async call(runId, about, severity, detail) {
      await told(CALL, { runId, about, severity, detail });
    },
    async command(commandId, runId) {
      return (await answer<RunCommand>(COMMAND, [commandId, runId])) ?? null;
    },
    async refused(commandId) {
      await answer(REFUSED, [commandId]);
    },
    async applied(commandId, step) {
      await told(APPLIED, { commandId, ...step });
    },
  };
}
