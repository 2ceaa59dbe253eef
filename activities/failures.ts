import { ApplicationFailure } from '@temporalio/activity';
import { ERRORS, KeelsonError } from '../core/errors.js';
import { LONGEST_BLOCK_MS } from '../core/venue/weight.js';

/**
 * Maps our coded failures to Temporal's: the code is the type, the retry class decides whether it is tried again, and a
 * venue's own delay is kept, up to five minutes. Anything else is left as it is and retried by the policy.
 * @param trying `untilDone`: for a step that must happen in the end, such as learning what became of an order (P11). A
 *   refused key ends no such step, since people can mend it; only work begun before a restore is given up (P31).
 */
export function mapped<Arguments extends unknown[], Result>(
  activity: (...values: Arguments) => Promise<Result>,
  trying: 'byRetryClass' | 'untilDone' = 'byRetryClass',
): (...values: Arguments) => Promise<Result> {
  return async (...values) => {
    try {
      return await activity(...values);
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error;
      const { code, message, values: details } = error.failure;
      const retryAfterMs = details['retryAfterMs'];
      throw ApplicationFailure.create({
        type: code,
        message,
        nonRetryable: trying === 'untilDone' ? code === 'RISK_EPOCH' : ERRORS[code].retry === 'never',
        details: [error.failure],
        ...(typeof retryAfterMs === 'number' ? { nextRetryDelay: Math.min(retryAfterMs, LONGEST_BLOCK_MS) } : {}),
      });
    }
  };
}
