import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';

/** How long a stream that is not wanted here waits until it is offered again, here or elsewhere. */
const OFFERED_AGAIN_MS = 2_000;

/**
 * Runs a stream only where none of the same account runs yet: each guardian has one of its own (P16), whichever of them a
 * task queue that they share gives it to. One too many waits for a guardian that has none, and a guardian that comes back
 * finds it.
 */
export function oneHere(stream: (account: string) => Promise<void>): (account: string) => Promise<void> {
  const running = new Set<string>();
  return async (account) => {
    if (running.has(account)) {
      throw ApplicationFailure.create({
        type: 'STREAM_RUNS_HERE',
        message: `this process has an account stream of ${account}; this one waits for a process that has none`,
        nextRetryDelay: OFFERED_AGAIN_MS,
        category: ApplicationFailureCategory.BENIGN,
      });
    }
    running.add(account);
    try {
      await stream(account);
    } finally {
      running.delete(account);
    }
  };
}
