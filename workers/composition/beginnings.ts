import { setTimeout as wait } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Logger } from 'pino';

const AGAIN_MS = 5_000;
/** Of gRPC: canceled or over time by whoever asked, unknown, exhausted, aborted, internal, unavailable. Everything else is an answer. */
const UNANSWERED: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);
/** Of Postgres: a statement that took longer than it may, as where others hold what it waits for. */
const TOO_SLOW = '57014';

/**
 * Begins what Temporal has to run, each by itself. Where Temporal does not answer, or the database not in time, it is tried again until it is
 * begun: whoever starts goes on without, since what needs no Temporal, such as the account watch and its halts, ends with the process.
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
   * Returns when it is begun, or there was no answer: then it is tried again, whatever happens, until it is.
   * @param work may be done again from its beginning
   * @throws what it throws the first time, and is not for want of an answer
   */
  async begin(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isUnanswered(error) && !isTooSlow(error)) throw error;
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
      const [code, see] = isTooSlow(failed)
        ? ['INFRA_DATABASE', 'what holds up the database']
        : ['INFRA_TEMPORAL', 'that the Temporal server answers'];
      this.#log.error(
        { code, what, error },
        `what has to run for ${what} is not begun. It is tried again in ${this.#againMs} ms; see ${see}`,
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

function isTooSlow(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if ('code' in at && at.code === TOO_SLOW) return true;
  return false;
}
