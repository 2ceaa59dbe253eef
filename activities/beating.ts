import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 1_000;

/**
 * The activity, telling the server each second that its process lives: one whose worker dies is begun again elsewhere after
 * its heartbeat time-out, and not only after the longest time that it may take. As a local activity, whose task beats for it,
 * and outside of a worker it is the activity alone.
 */
export function beating<Arguments extends unknown[], Result>(
  activity: (...values: Arguments) => Promise<Result>,
): (...values: Arguments) => Promise<Result> {
  return async (...values) => {
    const context = currentContext();
    if (context === undefined || context.info.isLocal) return activity(...values);
    const beats = setInterval(() => context.heartbeat(), HEARTBEAT_MS);
    try {
      return await activity(...values);
    } finally {
      clearInterval(beats);
    }
  };
}

function currentContext(): Context | undefined {
  try {
    return Context.current();
  } catch {
    return undefined;
  }
}
