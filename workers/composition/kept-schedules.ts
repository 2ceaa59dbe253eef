import type { Logger } from 'pino';
import type { StartPlace } from '../../db/start-order.js';

/** A build from before starts had an order may set schedules at any time; nothing that is done once a day is lost within this. */
const LOOK_MS = 10 * 60_000;

interface Parts {
  /** Where the start of this process stands now: a newer one may have come since it was asked last. */
  readonly place: () => Promise<StartPlace>;
  readonly begin: () => Promise<void>;
  readonly set: () => Promise<void>;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Sets the schedules, and then looks again and again whether they are those of the newest start, as long as this process belongs to it, until
 * it is closed. One look at a time; one that fails is made again at the next time.
 */
export class KeptSchedules {
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Those of a newer start stay as they are, also where this one has waited to set its own. */
  async begin(): Promise<void> {
    if ((await this.#parts.place()) !== 'older') await this.#parts.begin();
  }

  start(everyMs: number = LOOK_MS): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => {
        if (this.#timer !== undefined) this.start(everyMs);
      });
    }, everyMs);
    this.#timer.unref();
  }

  async look(): Promise<void> {
    try {
      if ((await this.#parts.place()) === 'newest') await this.#parts.set();
    } catch (error) {
      this.#parts.log.warn({ error: String(error) }, 'the schedules could not be looked at; that is done again');
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#looking;
  }
}
