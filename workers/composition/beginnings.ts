import { setTimeout as wait } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { BeginningStore } from '../../adapters/store/beginning-store.js';

const AGAIN_MS = 5_000;
/** So long something is not begun before people are told. */
const TOLD_AFTER_MS = 60_000;
/** Of gRPC: canceled or over time by whoever asked, unknown, exhausted, aborted, internal, unavailable. Everything else is an answer. */
const UNANSWERED: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14]);
/** Of Postgres: a statement that took longer than it may, as where others hold what it waits for. */
const TOO_SLOW = '57014';

export interface BeginningsParts {
  readonly store: BeginningStore;
  /** This process: its role and which of them it is. */
  readonly who: string;
  readonly clock: () => number;
  readonly log: Pick<Logger, 'error' | 'warn'>;
  readonly againMs?: number;
}

/**
 * Begins what Temporal has to run, each by itself. Where Temporal does not answer, or the database not in time, it is tried again until it is
 * begun, and after a minute people are told: whoever starts goes on without, since what needs no Temporal, such as the account watch and its
 * halts, ends with the process.
 */
export class Beginnings {
  readonly #parts: BeginningsParts;
  readonly #ending = new AbortController();

  constructor(parts: BeginningsParts) {
    this.#parts = parts;
  }

  /**
   * Returns when it is begun, or there was no answer: then it is tried again, whatever happens, until it is.
   * @param work may be done again from its beginning
   * @throws what it throws the first time, and is not for want of an answer
   */
  async begin(what: string, work: () => Promise<void>, account: string | null = null): Promise<void> {
    const since = this.#parts.clock();
    try {
      await work();
    } catch (error) {
      if (!isUnanswered(error) && !isTooSlow(error)) throw error;
      void this.tryAgain({ what, account, since }, work, error);
      return;
    }
    await this.ended(what, account);
  }

  /** Nothing is tried again. What is being asked of Temporal at this moment is not waited for. */
  close(): void {
    this.#ending.abort();
  }

  private async tryAgain(of: Waiting, work: () => Promise<void>, first: unknown): Promise<void> {
    const { log, againMs = AGAIN_MS } = this.#parts;
    const { what, account } = of;
    const { signal } = this.#ending;
    let failed = first;
    for (let isTold = false; ;) {
      if (signal.aborted) return;
      const error = failed instanceof Error ? failed.message : String(failed);
      const [code, see] = isTooSlow(failed)
        ? ['INFRA_DATABASE', 'what holds up the database']
        : ['INFRA_TEMPORAL', 'that the Temporal server answers'];
      log.error({ code, what, error }, `what has to run for ${what} is not begun. It is tried again in ${againMs} ms; see ${see}`);
      isTold ||= await this.toldIfDue(of, error);
      await wait(againMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await work();
        log.warn({ what }, `what has to run for ${what} is begun now`);
        await this.ended(what, account);
        return;
      } catch (again) {
        failed = again;
      }
    }
  }

  /** @returns whether people know. Whoever cannot be told is told with the next try. */
  private async toldIfDue({ what, account, since }: Waiting, error: string): Promise<boolean> {
    const { store, who, clock, log } = this.#parts;
    // By a clock that was set back meanwhile it has waited for long.
    if (Math.abs(clock() - since) < TOLD_AFTER_MS) return false;
    try {
      await store.tell({ who, what, account }, since, error);
      return true;
    } catch (failed) {
      log.warn({ what, error: String(failed) }, 'that it is not begun could not be told to people; it is told again');
      return false;
    }
  }

  private async ended(what: string, account: string | null): Promise<void> {
    const { store, who, log } = this.#parts;
    await store
      .end({ who, what, account })
      .catch((error: unknown) => log.warn({ what, error: String(error) }, 'that it is begun could not be written down'));
  }
}

interface Waiting {
  readonly what: string;
  readonly account: string | null;
  /** By our own clock. */
  readonly since: number;
}

/** An error and what it came of. */
const causesOf = (error: unknown): readonly Error[] => (error instanceof Error ? [error, ...causesOf(error.cause)] : []);

function isUnanswered(error: unknown): boolean {
  const call = causesOf(error).find(isGrpcServiceError);
  return call !== undefined && UNANSWERED.has(call.code);
}

function isTooSlow(error: unknown): boolean {
  return causesOf(error).some((one) => 'code' in one && one.code === TOO_SLOW);
}
