import { z } from 'zod';
import type { Finding } from '../../core/kill/verify.js';
import { unverifiedText } from '../../core/kill/verify.js';
import { epochMs, whole, wholeOrNull, type Database } from './database.js';
import { latchSchema, time } from './schemas.js';

export const haltSchema = z.strictObject({
  ...latchSchema.shape,
  account: z.string().nullable().describe('Whose strategy or instrument is halted; null for all, and for other scopes.'),
  accounts: z.array(
    z.strictObject({
      account: z.string(),
      phase: z.enum(['waiting', 'running', 'verified', 'released']).describe('waiting: the guardian has not taken it up yet.'),
      verifiedAt: time.nullable().describe('When the venue showed the target the last time.'),
      unverified: z.array(z.string()).describe('Exactly what is not verified yet.'),
      dust: z.array(z.strictObject({ strategy: z.string(), instrument: z.string(), quantity: z.string() })),
      evidence: z.strictObject({ path: z.string(), sha256: z.string() }).nullable(),
    }),
  ),
});
export type Halt = z.output<typeof haltSchema>;

interface Row extends Omit<Halt, 'engagedAt' | 'accounts' | 'latchId' | 'scopeValue'> {
  latch_id: string;
  scope_value: string;
  engaged_ms: string;
}
interface KillRow {
  account: string;
  latch_id: string;
  phase: Halt['accounts'][number]['phase'] | null;
  verified_ms: string | null;
  state: Partial<Finding> | null;
  evidence: { path: string; sha256: string } | null;
  is_told_of: boolean;
}

/** Every halt that stands, the newest first, and how far it is in each account under it. */
export async function readHalts(database: Database): Promise<Halt[]> {
  const [halts, kills] = await Promise.all([
    database.query<Row & { latch_id: string }>(
      `select latch_id, scope, scope_value, account, policy, reason, subject, ${epochMs('engaged_at')} as engaged_ms
         from latches where released_at is null order by latches.engaged_at desc`,
    ),
    database.query<KillRow>(
      // What a kill has told, or looked at, before the latch came, or was called again, says nothing about this one.
      `select a.account, l.latch_id, case when k.updated_at >= l.called_at
                then case when k.phase = 'verified' and not has_seen(k, l) then 'running' else k.phase end end as phase,
              case when has_seen(k, l) then ${epochMs('k.looked_at')} end as verified_ms, k.state, jsonb_build_object('path', k.evidence->'path', 'sha256', k.evidence->'sha256') as evidence,
              -- A kill is of an account, and keeps the file that was written last: it may be about another halt.
              coalesce(k.evidence->'latchIds' ? l.latch_id::text, false) as is_told_of
         from latches l cross join lateral accounts_under(l.scope, l.scope_value, l.account) a (account) left join kills k on k.account = a.account
        where l.released_at is null order by a.account`,
    ),
  ]);
  return halts.rows.map(({ latch_id: latchId, scope_value: scopeValue, engaged_ms: engagedMs, ...row }) => ({
    ...row,
    latchId,
    scopeValue,
    engagedAt: whole(engagedMs),
    accounts: kills.rows
      .filter((kill) => kill.latch_id === latchId)
      .map(({ account, phase, verified_ms: verifiedMs, state, evidence, is_told_of: isToldOf }) => ({
        account,
        phase: phase ?? 'waiting',
        verifiedAt: phase === null ? null : wholeOrNull(verifiedMs),
        unverified: phase === null ? [] : (state?.unverified ?? []).map(unverifiedText),
        dust: phase === null ? [] : [...(state?.dust ?? [])],
        evidence: phase !== null && isToldOf ? evidence : null,
      })),
  }));
}
