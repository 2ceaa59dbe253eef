import { KeelsonError } from '../../core/errors.js';
import type { PartKey, RunbookStore } from '../ports/runbook.js';

/** How long the database refuses a part before people are told. */
export const HELD_UP_MS = 60_000;
/** … and how often: a part may take many minutes, and two refusals that lie so far apart are no state. */
const HELD_UP_TRIES = 3;
/** What has not failed for so long goes on elsewhere, or never. */
const FORGOTTEN_MS = 3_600_000;

/** One part as it was given out, however often it is tried. */
export interface Task {
  readonly id: string;
  /** By the server's clock, and so the same wherever it is tried. */
  readonly begunTime: number;
  readonly attempt: number;
}

interface Refused {
  readonly sinceMs: number;
  lastMs: number;
  tries: number;
  isTold: boolean;
}

export const isLedgerAway = (error: unknown): error is KeelsonError =>
  error instanceof KeelsonError && error.failure.code === 'INFRA_DATABASE';

/**
 * Tells people of parts that the database refuses again and again: they are tried until they are done, and where one statement alone takes too
 * long nothing else tells of it. That the database itself is away is told by the guardian; then this cannot be told, and each further failure
 * tries to. What is told and what is ended here never decides on the part.
 */
export class HeldUp {
  private readonly store: Pick<RunbookStore, 'heldUp' | 'wentOn'>;
  private readonly monotonic: () => number;
  private readonly refused = new Map<string, Refused>();

  constructor(store: Pick<RunbookStore, 'heldUp' | 'wentOn'>, monotonic: () => number) {
    this.store = store;
    this.monotonic = monotonic;
  }

  async over<T>(key: PartKey, task: Task, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.refused.delete(task.id);
      // Another process may have told of it; what fails here is ended with the run.
      if (task.attempt > 1) await this.store.wentOn(key).catch(() => undefined);
      return result;
    } catch (error) {
      if (isLedgerAway(error)) await this.note(key, task, error);
      throw error;
    }
  }

  private async note(key: PartKey, { id, begunTime }: Task, error: KeelsonError): Promise<void> {
    const now = this.monotonic();
    for (const [of, { lastMs }] of this.refused) if (now - lastMs > FORGOTTEN_MS) this.refused.delete(of);
    const refused = this.refused.get(id) ?? { sinceMs: now, lastMs: now, tries: 0, isTold: false };
    refused.lastMs = now;
    refused.tries += 1;
    this.refused.set(id, refused);
    if (refused.isTold || refused.tries < HELD_UP_TRIES || now - refused.sinceMs < HELD_UP_MS) return;
    // The worker logs each failure of the part itself.
    refused.isTold = await this.store.heldUp(key, begunTime, lastError(error)).then(
      () => true,
      () => false,
    );
  }
}

/** With the database's own code, where it has one: `57014` of a statement that took too long. */
function lastError({ message, cause }: KeelsonError): string {
  const state = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return `${message}${state}`;
}
