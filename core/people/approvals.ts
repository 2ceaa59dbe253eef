/** How long a request waits for its second person: long enough to reach one, too short to lie about for another day. */
export const APPROVAL_VALID_MS = 3_600_000;

export type Decision = 'approved' | 'refused';

/**
 * Only `approved` lets something happen. `missing` and `otherPayload` are what a use of it can find: no request, or one
 * for something else.
 */
export const APPROVAL_STATES = ['pending', 'approved', 'refused', 'overtaken', 'expired', 'used'] as const;
export type ApprovalState = (typeof APPROVAL_STATES)[number];
export type UnusableState = Exclude<ApprovalState, 'approved'> | 'missing' | 'otherPayload';

/** For people, after `Request … is`. */
export const STATE_TEXT: Readonly<Record<UnusableState, string>> = {
  pending: 'not approved yet',
  refused: 'refused',
  overtaken: 'overtaken: its halt was called again, was made stricter or has ended since it was asked for',
  expired: 'over',
  used: 'used already',
  missing: 'not there',
  otherPayload: 'for another pause or halt than the one that stands',
};

export interface ApprovalFacts {
  readonly requestedBy: string;
  /** Epoch ms, database's clock, as all times here. */
  readonly expiresTime: number;
  readonly usedTime: number | null;
  /** What it would end is not what it was asked about any more. */
  readonly isOvertaken: boolean;
  readonly decisions: readonly {
    readonly subject: string;
    readonly decision: Decision;
    /** Whether that person may still decide: who has left, or lost the role, approves nothing any more, but has refused what was refused. */
    readonly isActive: boolean;
  }[];
}

/** One refusal is enough; used and refused stay so for ever. The database decides by the same rule (`approval_state`). */
export function approvalState({ requestedBy, expiresTime, usedTime, isOvertaken, decisions }: ApprovalFacts, now: number): ApprovalState {
  if (usedTime !== null) return 'used';
  const others = decisions.filter(({ subject }) => subject !== requestedBy);
  if (others.some(({ decision }) => decision === 'refused')) return 'refused';
  if (isOvertaken) return 'overtaken';
  if (expiresTime <= now) return 'expired';
  return others.some(({ decision, isActive }) => decision === 'approved' && isActive) ? 'approved' : 'pending';
}

/**
 * Whether a pause by someone with these roles needs two people to end: what the risk officers stop, one operator does not
 * start again.
 */
export function pauseHolds(roles: readonly string[]): boolean {
  return roles.includes('risk');
}
