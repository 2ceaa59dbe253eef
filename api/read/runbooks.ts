import { z } from 'zod';
import { shownPlan } from '../../core/runbook/shown-plan.js';
import { RUNBOOKS, type Plan } from '../../core/runbook/spec.js';
import { RUN_STATUSES } from '../../core/runbook/status.js';
import { epochMs, whole, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

const plain = z.record(z.string(), z.unknown());

export const runSchema = z.strictObject({
  runId: z.string(),
  runbook: z.enum(RUNBOOKS),
  account: z.string(),
  inputs: plain,
  reason: z.string(),
  subject: z.string().nullable().describe('Who asked for it; null: a schedule, or a part of Keelson that has found a cause.'),
  status: z.enum(RUN_STATUSES),
  detail: z.string().nullable().describe('What it waits for, or why it ended so.'),
  needsApproval: z.boolean().nullable().describe('Null while it is being planned.'),
  planSha256: z.string().nullable().describe('Hash of the plan that was approved and is run.'),
  askedTime: time,
  startedTime: time.nullable(),
  endedTime: time.nullable(),
});
export type Run = z.output<typeof runSchema>;

export const planSchema = z.strictObject({
  version: z.int().describe('Of the runbook.'),
  steps: z.array(
    z.strictObject({
      step: z.int().describe('From 1.'),
      name: z.string(),
      title: z.string(),
      isCritical: z.boolean().describe('A failure of it stops the run until a person decides.'),
      hasUndo: z.boolean(),
      isSigned: z.boolean().describe('A person has to sign it.'),
      writes: z
        .array(z.strictObject({ write: z.string(), with: z.array(z.unknown()) }))
        .describe('What it would change, as its own code calls it.'),
    }),
  ),
});
export type ShownPlan = z.output<typeof planSchema>;

export const runPartSchema = z.strictObject({
  step: z.int().describe('From 1.'),
  name: z.string(),
  part: z.enum(['precondition', 'action', 'verification', 'signature', 'skip', 'undo']),
  attempt: z.int(),
  actor: z.string().describe('The process that did it, or the person.'),
  outcome: z.enum(['done', 'failed']).nullable().describe('Null: begun, and not known to have ended.'),
  detail: z.string().nullable(),
  output: plain.nullable(),
  startedTime: time,
  durationMs: z.int().nullable(),
});
export type RunPart = z.output<typeof runPartSchema>;

interface Row extends Omit<Run, 'runId' | 'needsApproval' | 'planSha256' | 'askedTime' | 'startedTime' | 'endedTime' | 'subject'> {
  run_id: string;
  requested_by: string | null;
  needs_approval: boolean | null;
  plan_sha256: string | null;
  asked_ms: string;
  started_ms: string | null;
  ended_ms: string | null;
}

/** Runs of runbooks, newest first. */
export async function readRuns(
  database: Database,
  filter: { readonly account?: string | undefined; readonly runId?: string | undefined; readonly limit: number },
): Promise<Run[]> {
  const { rows } = await database.query<Row>(
    `select run_id, runbook, account, inputs, reason, requested_by, status, detail, needs_approval, encode(plan_sha256, 'hex') as plan_sha256,
            ${epochMs('created_at')} as asked_ms, ${epochMs('started_at')} as started_ms, ${epochMs('ended_at')} as ended_ms
       from runbook_runs where ($1::text is null or account = $1) and ($2::uuid is null or run_id = $2)
      order by runbook_runs.created_at desc limit $3`,
    [filter.account ?? null, filter.runId ?? null, filter.limit],
  );
  return rows.map(({ run_id, requested_by, needs_approval, plan_sha256, asked_ms, started_ms, ended_ms, ...row }) => ({
    ...row,
    runId: run_id,
    subject: requested_by,
    needsApproval: needs_approval,
    planSha256: plan_sha256,
    askedTime: whole(asked_ms),
    startedTime: wholeOrNull(started_ms),
    endedTime: wholeOrNull(ended_ms),
  }));
}

/** The graceful shutdown of an account that is under way; undefined: none is. */
export async function readShutdownUnderWay(database: Database, account: string): Promise<string | undefined> {
  const { rows } = await database.query<{ run_id: string }>(
    `select run_id from runbook_runs where account = $1 and runbook = 'gracefulShutdown' and ended_at is null
        and epoch = (select epoch from instance) order by started_at nulls last, created_at limit 1`,
    [account],
  );
  return rows[0]?.run_id;
}

/** What a run was planned to do; null while it is being planned. */
export async function readRunPlan(database: Database, runId: string): Promise<ShownPlan | null> {
  const { rows } = await database.query<{ plan: Plan | null }>('select plan from runbook_runs where run_id = $1', [runId]);
  const plan = rows[0]?.plan ?? null;
  return plan === null ? null : shownPlan(plan);
}

/** The roles that a step names to sign it; none where it leaves that to whoever may sign. */
export async function readSigners(database: Database, runId: string, position: number): Promise<readonly string[]> {
  const { rows } = await database.query<{ signers: string[] | null }>(
    `select plan->'steps'->$2::integer->'signedBy' as signers from runbook_runs where run_id = $1`,
    [runId, position],
  );
  return rows[0]?.signers ?? [];
}

/** What was done in a run, in its order. */
export async function readRunParts(database: Database, runId: string): Promise<RunPart[]> {
  const { rows } = await database.query<
    Omit<RunPart, 'step' | 'startedTime' | 'durationMs'> & { position: number; started_ms: string; duration_ms: string | null }
  >(
    `select position, name, part, attempt, actor, outcome, detail, output, ${epochMs('started_at')} as started_ms,
            floor(extract(epoch from ended_at - started_at) * 1000)::text as duration_ms
       from runbook_parts where run_id = $1 order by started_at, position, attempt`,
    [runId],
  );
  return rows.map(({ position, started_ms, duration_ms, ...row }) => ({
    ...row,
    step: position + 1,
    startedTime: whole(started_ms),
    durationMs: wholeOrNull(duration_ms),
  }));
}
