import { setTimeout as wait } from 'node:timers/promises';

const AGAIN_MS = 500;

/** Something that has to be done, however long it takes, and what is done beside it until then. */
export interface Wished<T> {
  readonly attempt: () => Promise<T>;
  readonly failed: (error: unknown, isFirst: boolean) => void;
  /** Begun once it has failed, or is late; over when `until` is aborted. Nothing waits for it: what hangs there delays no try. */
  readonly beside: (until: AbortSignal) => void;
  /** The first try is late when it has come to no end for so long: what takes it may keep silent until its time is out. Left out, it never is. */
  readonly late?: { readonly afterMs: number; readonly tell: () => void };
  /** Aborted when it shall end although it is not done. */
  readonly stopping: AbortSignal;
}

/**
 * Tries something again and again until it is done.
 * @returns undefined when it was to end before
 */
export async function atLast<T>({ attempt, failed, beside, late, stopping }: Wished<T>): Promise<T | undefined> {
  const over = new AbortController();
  let isBeside = false;
  const begin = (): void => {
    if (!isBeside) beside(AbortSignal.any([over.signal, stopping]));
    isBeside = true;
  };
  const timer = late && setTimeout(() => (late.tell(), begin()), late.afterMs);
  try {
    for (let isFirst = true; !stopping.aborted; isFirst = false) {
      try {
        return await attempt();
      } catch (error) {
        failed(error, isFirst);
      }
      clearTimeout(timer);
      begin();
      await wait(AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined);
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
