import { condition } from '@temporalio/workflow';
import type { ExitOutcome } from '../../activities/ports/owners.js';
import type { TradeSignal } from '../../core/signal/signal.js';

interface Exit {
  readonly signal: TradeSignal;
  outcome?: ExitOutcome;
  error?: unknown;
}

/** The exits that were asked for, one after the other: each update waits for its own. */
export class Exits {
  private readonly waiting: Exit[] = [];

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** The handler of the update. */
  async ask(signal: TradeSignal): Promise<ExitOutcome> {
    const exit: Exit = { signal };
    this.waiting.push(exit);
    await condition(() => exit.outcome !== undefined || exit.error !== undefined);
    if (exit.outcome === undefined) throw exit.error;
    return exit.outcome;
  }

  /** Works on the oldest one. */
  async next(work: (signal: TradeSignal) => Promise<ExitOutcome>): Promise<void> {
    const exit = this.waiting[0];
    if (exit === undefined) return;
    try {
      exit.outcome = await work(exit.signal);
    } catch (error) {
      exit.error = error;
    } finally {
      this.waiting.shift();
    }
  }
}
