/** Two looks that lie further apart than this, beyond the pause between them: nobody could look meanwhile. */
const STOOD_STILL_MS = 30_000;

/**
 * How long something is waited for by looking again and again. Where the machine has slept between two looks nothing was waited for: what was
 * away then has had no time to come back, and the wait begins anew. Looks that take so long one after the other are slow, and count.
 */
export class WaitedTime {
  #since: number;
  #looked: number;
  #hasStoodStill = false;

  /** @param since when others began to wait */
  constructor(now: number, since: number = now) {
    this.#since = since;
    this.#looked = now;
  }

  /** At the end of a look. @param pausedMs before it, on purpose @returns ms */
  at(now: number, pausedMs: number): number {
    const stoodStill = now - this.#looked > pausedMs + STOOD_STILL_MS;
    if (stoodStill && !this.#hasStoodStill) this.#since = now;
    this.#looked = now;
    this.#hasStoodStill = stoodStill;
    return now - this.#since;
  }
}
