import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import type { OrderActivities } from './index.js';

type Enter = OrderActivities['enter'];

/** How long an outcome waits for the workflow's step: longer than a workflow task lives (5 s), after which the step runs elsewhere. */
const KEPT_MS = 10_000;

/**
 * Begins an entry as soon as the start of its workflow is acknowledged, which is when it is durable, in the process that its first task comes
 * to; the workflow's step meets it there and takes its outcome. Server and worker meanwhile do what it takes to get the workflow to that step,
 * and the order waits for none of it. To the protocol it is the step: a local activity's run is on nobody's record either until the task is
 * complete. A process that dies in it, or a task that another process runs after all, finds the order's row, as behind any step that was cut off.
 */
export class EnterAhead {
  readonly #begun = new Map<string, Promise<Awaited<ReturnType<Enter>>>>();
  readonly #under = new Set<Promise<unknown>>();

  readonly #first: (signal: TradeSignal) => ReturnType<Enter>;
  readonly #enter: Enter;
  readonly #after: (ms: number, then: () => void) => void;

  /**
   * @param first the step of a signal's first order, as it is begun ahead
   * @param enter the same, and that of every other, where a workflow comes to it before it was begun
   * @param after calls back after so many ms, without keeping the process alive
   */
  constructor(first: (signal: TradeSignal) => ReturnType<Enter>, enter: Enter, after: (ms: number, then: () => void) => void) {
    this.#first = first;
    this.#enter = enter;
    this.#after = after;
  }

  /** The first order of the signal, whose workflow's start was acknowledged with its first task to this process. */
  begin(signal: TradeSignal): void {
    const intentId = intentIdOf(signal);
    const outcome = this.#first(signal);
    this.#begun.set(intentId, outcome);
    const ended = outcome
      .catch(() => undefined)
      .then(() => {
        this.#under.delete(ended);
        this.#after(KEPT_MS, () => {
          if (this.#begun.get(intentId) === outcome) this.#begun.delete(intentId);
        });
      });
    this.#under.add(ended);
  }

  /** The workflow's step. What was begun is met once: a step that failed, or was cut off, runs anew like any other. */
  readonly step: Enter = (signal, which) => {
    const intentId = intentIdOf(signal, which?.attempt);
    const begun = this.#begun.get(intentId);
    if (begun === undefined) return this.#enter(signal, which);
    this.#begun.delete(intentId);
    return begun;
  };

  /** Until nothing that was begun ahead is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#under);
  }
}
