import type { Logger } from 'pino';

/** A build from before starts had an order may set schedules at any time; nothing that is done once a day is lost within this. */
const LOOK_MS = 10 * 60_000;

/**
 * Looks again and again whether the schedules are those of the newest start, as long as this process belongs to it, until it is closed. One
 * look at a time; one that fails is made again at the next time.
 */
export class KeptSchedules {
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  readonly #parts: { readonly isNewest: () => Promise<boolean>; readonly set: () => Promise<void>; readonly log: Pick<Logger, 'warn'> };

  constructor(parts: { readonly isNewest: () => Promise<boolean>; readonly set: () => Promise<void>; readonly log: Pick<Logger, 'warn'> }) {
    this.#parts = parts;
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
      if (await this.#parts.isNewest()) await this.#parts.set();
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
