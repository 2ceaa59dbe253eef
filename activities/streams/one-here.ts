import { ApplicationFailure, Context } from '@temporalio/activity';

/** How long a stream that is not wanted here waits until it is offered again, here or elsewhere. */
const OFFERED_AGAIN_MS = 2_000;

/**
 * Runs a stream only where none of the same account runs yet: each guardian has one of its own (P16), whichever of them a
 * task queue that they share gives it to. One too many waits for a guardian that has none, and a guardian that comes back
 * finds it. One that was canceled, because nobody heard of it for too long, counts no more, even if it never ends.
 * @param canceledOf the signal of the calling activity
 */
export function oneHere(
  stream: (account: string) => Promise<void>,
  canceledOf: () => AbortSignal = () => Context.current().cancellationSignal,
): (account: string) => Promise<void> {
  const running = new Map<string, AbortSignal>();
  return async (account) => {
    if (running.get(account)?.aborted === false) {
      throw ApplicationFailure.create({
        type: 'STREAM_RUNS_HERE',
        message: `this process has an account stream of ${account}; this one waits for a process that has none`,
        nextRetryDelay: OFFERED_AGAIN_MS,
        category: 'BENIGN',
      });
    }
    const canceled = canceledOf();
    running.set(account, canceled);
    try {
      await stream(account);
    } finally {
      if (running.get(account) === canceled) running.delete(account);
    }
  };
}
