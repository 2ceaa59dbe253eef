import { ApplicationFailure, condition, proxyActivities } from '@temporalio/workflow';
import type { KillActivities } from '../../activities/kill/index.js';
import { unverifiedText, type Finding } from '../../core/kill/verify.js';
import { RECORD, told } from '../activity-options.js';
import type { RearmAnswer, RearmRequest } from './messages.js';

const { killRelease } = proxyActivities<KillActivities>(told(RECORD, 'ends the latch if two people’s rows say so'));

interface Rearm {
  readonly request: RearmRequest;
  /** How often the account has shown the target since it was asked. */
  looks: number;
  answer?: RearmAnswer;
}

/** Those who wait for the end of a latch: each is answered after the account was looked at anew. */
export class Rearms {
  private readonly waiting: Rearm[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** The handler of the update. */
  async ask(request: RearmRequest): Promise<RearmAnswer> {
    const rearm: Rearm = { request, looks: 0 };
    this.waiting.push(rearm);
    await condition(() => rearm.answer !== undefined);
    if (rearm.answer === undefined) throw new Error('invariant: it waits for its answer');
    return rearm.answer;
  }

  /** The account shows the target. Whoever has seen it twice is answered: whether the latch ends is told by two people's rows. */
  async release(): Promise<void> {
    for (const rearm of [...this.waiting]) {
      rearm.looks += 1;
      if (rearm.looks < 2) continue;
      const { latchId, requestId } = rearm.request;
      rearm.answer = await killRelease(latchId, requestId);
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
