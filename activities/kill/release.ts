import { MOST_COMPARISONS } from '../../core/kill/rearm.js';
import type { KillStore, Released } from '../ports/kill.js';

/**
 * Ends a latch by the rows of two people (P30); where that lacks a comparison with the venue, after one. A comparison begins after it was found to be lacking, so after the last approval: where it
 * has found something, a second shows nothing more. Where it was clean and is not enough, something has moved since, and it is made once more.
 * @param reconcile compares an account with its venue now; false: it is not clean, or could not be compared. It throws for nothing.
 */
export function createKillRelease(
  kills: Pick<KillStore, 'release'>,
  reconcile: (account: string) => Promise<boolean>,
): (latchId: string, requestId: string) => Promise<Released> {
  return async (latchId, requestId) => {
    for (let compared = 0; ; compared += 1) {
      const ended = await kills.release(latchId, requestId);
      if (ended.kind !== 'notClean' || ended.unreconciled === undefined || compared === MOST_COMPARISONS) return ended;
      const found = await Promise.all(ended.unreconciled.map((account) => reconcile(account)));
      // Whatever these tell: who ends another halt over the account may have found it clean meanwhile.
      if (found.includes(false)) return kills.release(latchId, requestId);
    }
  };
}
