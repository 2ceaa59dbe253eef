import { z } from 'zod';
import { DECISIONS, DIFFERENCE_CLASSES } from '../../core/reconcile/difference.js';
import { RECONCILE_SCOPES } from '../../core/reconcile/rules.js';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const runSchema = z.strictObject({
  runId: z.string(),
  account: z.string(),
  scope: z
    .enum(RECONCILE_SCOPES)
    .describe('Why it was compared. An ordinary one reads what is new; hour, day and deepDemand read more anew.'),
  startedTime: time,
  endedTime: time.nullable(),
  result: z
    .enum(['clean', 'differences', 'postponed', 'failed'])
    .nullable()
    .describe(
      'postponed: the venue’s limit of requests was nearly used, it had sent our address away, or a kill of the account was at work. null: it runs.',
    ),
  detail: z.string().nullable(),
  looks: z.int(),
  calls: z.int().describe('Requests to the venue.'),
  weight: z.int().describe('What they cost, by the venue’s own table.'),
  fillsRead: z.int().describe('Fills that the venue listed.'),
  rowsRead: z.int().describe('Fills and orders that were read from the ledger.'),
  subject: z.string().nullable().describe('Who asked for it; null: a part of ours.'),
});
export type Run = z.output<typeof runSchema>;

export const differenceSchema = z.strictObject({
  differenceId: z.string(),
  account: z.string(),
  class: z.enum(DIFFERENCE_CLASSES).describe('What it is; timing: it went by itself before anybody had to see it.'),
  seenAs: z.string().describe('What it was taken for.'),
  subject: z.string(),
  status: z
    .enum(['pending', 'open', 'decided', 'settled', 'repaired', 'closed'])
    .describe('pending: looked at again. open: waits for a person. decided: a person has, and it is being carried out or left.'),
  evidence: z.record(z.string(), z.unknown()).describe('Both sides, as they were seen last.'),
  deltas: z.record(z.string(), z.string()).describe('By asset: what the venue has and the ledger has not.'),
  repairs: z.int(),
  incidentId: z.string().nullable(),
  decision: z.enum(DECISIONS).nullable(),
  decidedBy: z.string().nullable(),
  reason: z.string().nullable(),
  firstSeenTime: time,
  lastSeenTime: time,
  endedTime: time.nullable(),
});
export type Difference = z.output<typeof differenceSchema>;

interface Filter {
  readonly account?: string | undefined;
  readonly limit: number;
}

type RunRow = Omit<Run, 'startedTime' | 'endedTime'> & { started_ms: string; ended_ms: string | null };
type DifferenceRow = Omit<Difference, 'firstSeenTime' | 'lastSeenTime' | 'endedTime'> & {
  first_ms: string;
  last_ms: string;
  ended_ms: string | null;
};

/** The newest comparisons, or the one with this id. */
export async function readRuns(
  database: Database,
  { account, runId, limit }: Filter & { readonly runId?: string | undefined },
): Promise<Run[]> {
  const { rows } = await database.query<RunRow>(
    `select run_id as "runId", account, scope, ${epochMs('started_at')} as started_ms, ${epochMs('ended_at')} as ended_ms, result, detail,
            looks, calls, weight, fills_read as "fillsRead", rows_read as "rowsRead", subject
       from reconciliation_runs where ($1::text is null or account = $1) and ($2::uuid is null or run_id = $2)
      order by reconciliation_runs.started_at desc limit $3`,
    [account ?? null, runId ?? null, limit],
  );
  return rows.map(({ started_ms, ended_ms, ...row }) => ({ ...row, startedTime: Number(started_ms), endedTime: wholeOrNull(ended_ms) }));
}

/** Differences, newest first: those that stand, or all; of one run where it is named. */
export async function readDifferences(
  database: Database,
  {
    account,
    runId,
    differenceId,
    all,
    limit,
  }: Filter & { readonly runId?: string | undefined; readonly differenceId?: string | undefined; readonly all: boolean },
): Promise<Difference[]> {
  const { rows } = await database.query<DifferenceRow>(
    `select difference_id::text as "differenceId", account, class, seen_as as "seenAs", subject, status, evidence, deltas, repairs,
            incident_id::text as "incidentId", decision, decided_by as "decidedBy", reason, ${epochMs('first_seen_at')} as first_ms,
            ${epochMs('last_seen_at')} as last_ms, ${epochMs('ended_at')} as ended_ms
       from reconciliation_differences
      where ($1::text is null or account = $1) and ($2::uuid is null or $2 in (first_run, last_run)) and ($3::bigint is null or difference_id = $3)
        and ($4 or ended_at is null)
      order by reconciliation_differences.difference_id desc limit $5`,
    [account ?? null, runId ?? null, differenceId ?? null, all, limit],
  );
  return rows.map(({ first_ms, last_ms, ended_ms, ...row }) => ({
    ...row,
    firstSeenTime: Number(first_ms),
    lastSeenTime: Number(last_ms),
    endedTime: wholeOrNull(ended_ms),
  }));
}
