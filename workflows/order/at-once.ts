import { isCancellation, TemporalFailure } from '@temporalio/workflow';

/**
 * A step that is done within the running task, and as an activity of its own where that fails: a task that goes on trying
 * while database or venue are away makes its history longer every few seconds, an activity does not.
 */
export async function atOnceOr<Result>(local: () => Promise<Result>, activity: () => Promise<Result>): Promise<Result> {
  try {
    return await local();
  } catch (error) {
    if (!isStepFailure(error)) throw error;
    return activity();
  }
}

/** A step that failed for good. A local activity's failure arrives bare, a normal one's wrapped; a cancellation is neither. */
export function isStepFailure(error: unknown): error is TemporalFailure {
  return error instanceof TemporalFailure && !isCancellation(error);
}
