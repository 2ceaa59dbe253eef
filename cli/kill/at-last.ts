import { setTimeout as wait } from 'node:timers/promises';

const AGAIN_MS = 500;

/** Something that has to be done, however long it takes, and what is done beside it until then. */
export interface Wished<T> {
  readonly attempt: () => Promise<T>;
  readonly failed: (error: unknown, isFirst: boolean) => void;
  /** Begun once it has failed; over when `until` is aborted. Nothing waits for it: what hangs there delays no try. */
  readonly beside: (until: AbortSignal) => void;
  /** Aborted when it shall end although it is not done. */
  readonly stopping: AbortSignal;
}

/**
 * Tries something again and again until it is done.
 * @returns undefined when it was to end before
 */
export async function atLast<T>({ attempt, failed, beside, stopping }: Wished<T>): Promise<T | undefined> {
  const over = new AbortController();
  try {
    for (let isFirst = true; !stopping.aborted; isFirst = false) {
      try {
        return await attempt();
      } catch (error) {
        failed(error, isFirst);
      }
      if (isFirst) beside(AbortSignal.any([over.signal, stopping]));
      await wait(AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
    return undefined;
  } finally {
    over.abort();
  }
}
