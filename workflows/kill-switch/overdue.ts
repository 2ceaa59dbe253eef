import { condition } from '@temporalio/workflow';

/** A round that has just begun may find all well: what is due by then is told with what it finds, unless it takes longer than this. */
const QUICK_MS = 1_000;

/**
 * Waits for a round of a halt, and tells people while it goes on: at a venue that takes requests and never answers it takes a minute and more.
 * @param untilMs how long it was, when the round began, until people are to be told
 */
export async function toldMeanwhile<T>(round: Promise<T>, untilMs: () => number, tell: () => Promise<void>): Promise<T> {
  let isOver = false;
  const watch = async (): Promise<void> => {
    for (let passedMs = 0; ;) {
      const waitMs = Math.max(untilMs() - passedMs, QUICK_MS);
      if (await condition(() => isOver, waitMs)) return;
      passedMs += waitMs;
      await tell();
    }
  };
  const [found] = await Promise.all([round.finally(() => (isOver = true)), watch()]);
  return found;
}
