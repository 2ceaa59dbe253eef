import { z } from 'zod';
import { MODES_BY_STRICTNESS } from '../../core/control/mode.js';
import { APPROVAL_STATES, approvalState, type Decision } from '../../core/people/approvals.js';
import { epochMs, wholeOrNull, type Database } from './database.js';
import { time } from './schemas.js';

export const approvalRequestSchema = z.strictObject({
  requestId: z.string(),
  action: z.string().describe('What would be done, such as resume.'),
  account: z.string().nullable(),
  payload: z.record(z.string(), z.unknown()).describe('Exactly what would be done.'),
  payloadHash: z.string().describe('SHA-256 of the payload: a decision has to name it.'),
  requestedBy: z.string(),
  reason: z.string(),
  createdTime: time,
  expiresTime: time,
  state: z
    .enum([...APPROVAL_STATES, 'lapsed'])
    .describe('lapsed: its time is not over and nobody refused it, but nothing can come of it any more; `detail` says why.'),
  detail: z
    .string()
    .nullable()
    .describe('Why it lapsed; what stands in the way of one that is approved; how the run is, or has ended, that was begun with it.'),
  mode: z.enum(MODES_BY_STRICTNESS).nullable().describe('Of a resume or a change of mode: the mode that is set now.'),
  expectedVersion: z.int().nullable().describe('Of a resume or a change of mode: the version of the account that it was decided on.'),
  decisions: z
    .array(z.strictObject({ subject: z.string(), decision: z.enum(['approved', 'refused']), reason: z.string(), decidedTime: time }))
    .describe('The last of each person: who approves anew under another key is one person.'),
});
export type ApprovalRequest = z.output<typeof approvalRequestSchema>;

interface Row {
  request_id: string;
  action: string;
  account: string | null;
  payload: Record<string, unknown>;
  payload_hash: string;
  requested_by: string;
  reason: string;
  created_ms: string;
  expires_ms: string;
  used_ms: string | null;
  is_overtaken: boolean;
  now_ms: string;
  course: Record<'lapsed' | 'stands' | 'became', string | null> & Pick<ApprovalRequest, 'mode' | 'expectedVersion'>;
  decisions: { subject: string; decision: Decision; reason: string; decided: string; isActive: boolean }[];
}

/** Requests, newest first; with `requestId` only that one. */
export async function readApprovals(
  database: Database,
  filter: { requestId?: string | undefined; limit: number },
): Promise<ApprovalRequest[]> {
  const { rows } = await database.query<Row>(
    `select r.request_id, r.action, r.account, r.payload, encode(r.payload_sha256, 'hex') as payload_hash, r.requested_by, r.reason,
            ${epochMs('r.created_at')} as created_ms, ${epochMs('r.expires_at')} as expires_ms, ${epochMs('r.used_at')} as used_ms,
            is_overtaken(r) as is_overtaken, approval_course(r) as course, ${epochMs('clock_timestamp()')} as now_ms,
            (select coalesce(jsonb_agg(jsonb_build_object('subject', d.subject, 'decision', d.decision, 'reason', d.reason,
                'decided', ${epochMs('d.decided_at')}, 'isActive', may_still(d.key_id, 'decideApproval')) order by d.decided_at), '[]')
               from (select distinct on (subject) * from approvals where request_id = r.request_id
                      order by subject, decided_at desc) d) as decisions
       from approval_requests r
      where ($1::uuid is null or r.request_id = $1)
      order by r.created_at desc, r.request_id limit $2`,
    [filter.requestId ?? null, filter.limit],
  );
  return rows.map((row) => {
    const requestedBy = row.requested_by;
    const expiresTime = Number(row.expires_ms);
    const facts = { requestedBy, expiresTime, usedTime: wholeOrNull(row.used_ms), isOvertaken: row.is_overtaken, decisions: row.decisions };
    const { lapsed, stands, became, mode, expectedVersion } = row.course;
    const decided = approvalState(facts, Number(row.now_ms));
    const isOpen = decided === 'pending' || decided === 'approved';
    return {
      requestId: row.request_id,
      action: row.action,
      account: row.account,
      payload: row.payload,
      payloadHash: row.payload_hash,
      requestedBy,
      reason: row.reason,
      createdTime: Number(row.created_ms),
      expiresTime,
      state: isOpen && lapsed !== null ? 'lapsed' : decided,
      detail: isOpen ? (lapsed ?? stands) : became,
      mode,
      expectedVersion,
      decisions: row.decisions.map(({ subject, decision, reason, decided }) => ({
        subject,
        decision,
        reason,
        decidedTime: Number(decided),
      })),
    };
  });
}
