import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { EvidenceFile, KillPhase } from '../../activities/ports/kill.js';
import type { Finding } from '../../core/kill/verify.js';

/** Latches over the account have come, have become stricter, or are gone: look at once. */
export const haltChangedSignal = defineSignal('haltChanged');

/** How far the kill is: `finding.unverified` says exactly what is not verified yet. */
export interface KillState extends Omit<Finding, 'look'> {
  readonly phase: KillPhase;
  /** What is being done, in one phrase. */
  readonly doing: string;
  /** Since when something is not verified, epoch ms by the database's clock; how often people were told. */
  readonly since: number;
  readonly escalations: number;
  readonly evidence: EvidenceFile | null;
}
export const killStateQuery = defineQuery<KillState>('killState');

/** Names the request whose rows two people made; nothing else in the message is believed (P30). */
export interface RearmRequest {
  readonly latchId: string;
  readonly requestId: string;
}
/** `notVerified`: this account does not show the target when it is looked at anew. */
export type RearmAnswer =
  | { readonly kind: 'released' }
  | { readonly kind: 'notApproved'; readonly state: string }
  | { readonly kind: 'notClean'; readonly found: string };
/** Verifies the account anew, and then ends the latch if the rows of two people say so. */
export const rearmUpdate = defineUpdate<RearmAnswer, [RearmRequest]>('rearm');
