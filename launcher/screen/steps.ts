import type { Screen } from './screen.js';

/** What a step may tell while it runs. */
export type Progress = (message: string) => void;

/** Shows the steps of a start or a stop, each with its time. */
export class Steps {
  readonly #screen: Screen;
  readonly #now: () => number;

  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
  }

  /**
   * Runs one step.
   * @param title what is being done: "Starting Postgres".
   * @param work returns what came of it, for the line that stays, and its result.
   */
  async run<T>(
    step: string,
    title: string,
    work: (progress: Progress) => Promise<{ readonly done: string; readonly result: T }>,
  ): Promise<T> {
    const startedAt = performance.now();
    const show = (state: 'started' | 'progress' | 'done' | 'failed', message: string): void =>
      this.#screen.show({ time: this.#now(), event: 'step', step, state, message, elapsedMs: Math.round(performance.now() - startedAt) });
    show('started', title);
    // Long steps that say nothing themselves show that they are alive.
    let latest = title;
    let isRunning = true;
    const alive = setInterval(() => show('progress', latest), 1000);
    const end = (state: 'done' | 'failed', message: string): void => {
      isRunning = false;
      clearInterval(alive);
      show(state, message);
    };
    try {
      const { done, result } = await work((message) => {
        // What a part does later, at a restart, has no step any more to belong to.
        if (!isRunning) return;
        latest = message;
        show('progress', message);
      });
      end('done', done);
      return result;
    } catch (error) {
      end('failed', title);
      throw error;
    }
  }

  /** A line of its own, for something that is known at once. */
  note(step: string, message: string): void {
    this.#screen.show({ time: this.#now(), event: 'step', step, state: 'done', message, elapsedMs: 0 });
  }
}
