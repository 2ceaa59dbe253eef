import { setTimeout as wait } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Logger } from 'pino';

const AGAIN_MS = 5_000;
/** Of gRPC: canceled or over time by whoever asked, unknown, exhausted, aborted, internal, unavailable. Everything else is an answer. */
const UNANSWERED: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);

/**
 * Begins what Temporal has to run, each by itself. Where Temporal does not answer it is tried again until it is begun: whoever starts goes on
 * without, since what needs no Temporal, such as the account watch and its halts, ends with the process.
 */
export class Beginnings {
  readonly #log: Pick<Logger, 'error' | 'warn'>;
  readonly #againMs: number;
  readonly #ending = new AbortController();

  constructor(log: Pick<Logger, 'error' | 'warn'>, againMs: number = AGAIN_MS) {
    this.#log = log;
    this.#againMs = againMs;
  }

  /**
   * Returns when it is begun, or Temporal has not answered: then it is tried again, whatever happens, until it is.
   * @param work may be done again from its beginning
   * @throws what it throws the first time, and is not for want of Temporal's answer
   */
  async begin(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      void this.tryAgain(what, work, error);
    }
  }

  /** Nothing is tried again. What is being asked of Temporal at this moment is not waited for. */
  close(): void {
    this.#ending.abort();
  }

  private async tryAgain(what: string, work: () => Promise<void>, first: unknown): Promise<void> {
    const { signal } = this.#ending;
    let failed = first;
    for (;;) {
      if (signal.aborted) return;
      const error = failed instanceof Error ? failed.message : String(failed);
      this.#log.error(
        { code: 'INFRA_TEMPORAL', what, error },
        `what has to run for ${what} is not begun. It is tried again in ${this.#againMs} ms; see that the Temporal server answers`,
      );
      await wait(this.#againMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await work();
        this.#log.warn({ what }, `what has to run for ${what} is begun now`);
        return;
      } catch (again) {
        failed = again;
      }
    }
  }
}

function isUnanswered(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (isGrpcServiceError(at)) return UNANSWERED.has(at.code);
  return false;
}
