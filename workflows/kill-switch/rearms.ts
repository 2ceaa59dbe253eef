import { ApplicationFailure, condition, patched, proxyActivities } from '@temporalio/workflow';
import type { KillActivities } from '../../activities/kill/index.js';
import { unverifiedText, type Finding } from '../../core/kill/verify.js';
import { RELEASE, told } from '../activity-options.js';
import type { RearmAnswer, RearmRequest } from './messages.js';

const { killRelease } = proxyActivities<KillActivities>(told(RELEASE, 'ends the latch if two people’s rows say so'));

interface Rearm {
  readonly request: RearmRequest;
  /** How often the account has shown the target since it was asked. */
  looks: number;
  /** Its handler asks for the end of the latch; in a run that an older build began the loop does. */
  readonly endsItself: boolean;
  answer?: RearmAnswer;
}

const LOOKS = 2;

/** Those who wait for the end of a latch: each is answered after the account was looked at anew. */
export class Rearms {
  private readonly waiting: Rearm[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /**
   * The handler of the update. It asks for the end of the latch itself: that may take a reconciliation, and whoever carries out
   * the halt goes on meanwhile.
   */
  async ask(request: RearmRequest): Promise<RearmAnswer> {
    const rearm: Rearm = { request, looks: 0, endsItself: patched('rearmEndsItself') };
    this.waiting.push(rearm);
    await condition(() => rearm.answer !== undefined || (rearm.endsItself && rearm.looks >= LOOKS));
    if (rearm.answer !== undefined) return rearm.answer;
    return killRelease(request.latchId, request.requestId);
  }

  /** The account shows the target. For whoever has seen it twice the rows of two people tell whether the latch ends. */
  async release(): Promise<void> {
    for (const rearm of [...this.waiting]) {
      rearm.looks += 1;
      if (rearm.looks < LOOKS) continue;
      const { latchId, requestId } = rearm.request;
      if (!rearm.endsItself) rearm.answer = await killRelease(latchId, requestId);
      this.waiting.splice(this.waiting.indexOf(rearm), 1);
    }
  }

  answerAll({ finding, ...answer }: Extract<RearmAnswer, { kind: 'notClean' }> & { readonly finding?: Finding }): void {
    const found = [answer.found, ...(finding?.unverified ?? []).map(unverifiedText)].join('; ');
    for (const rearm of this.waiting.splice(0)) rearm.answer = { kind: 'notClean', found };
  }
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A validator is synchronous and read-only: an asynchronous one accepts everything. */
export function validateRearm(request: RearmRequest): void {
  // Typed as it should be, but it comes from outside.
  const ids: unknown[] = [request?.latchId, request?.requestId];
  if (ids.every((id) => typeof id === 'string' && ID.test(id))) return;
  throw ApplicationFailure.nonRetryable('latchId and requestId must be UUIDs', 'INPUT_INVALID');
}
