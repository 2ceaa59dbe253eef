import type { WatcherStore } from '../ports/watch.js';

const TELL_MS = 5_000;

export interface WatchersDependencies {
  readonly store: WatcherStore;
  readonly accounts: readonly string[];
  /** How many accounts the venue counts together with this one, itself included. */
  readonly together: (account: string) => number;
  /** This run of the process. */
  readonly watcher: string;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * How many share what the venue of an account allows: the guardians that watch it, each for all accounts that the venue counts together. All of
 * them spend there what one alone would. Where the ledger does not answer, what it said last stands.
 */
export class Watchers {
  private readonly dependencies: WatchersDependencies;
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;
  private counts: Readonly<Record<string, number>> = {};
  private isFailing = false;

  constructor(dependencies: WatchersDependencies) {
    this.dependencies = dependencies;
  }

  /** With this one. */
  readonly of = (account: string): number => Math.max(1, this.counts[account] ?? 1) * this.dependencies.together(account);

  /** Returns when the others were counted once. */
  async start(): Promise<void> {
    await this.tell();
    this.timer = setInterval(() => {
      this.telling ??= this.tell().finally(() => (this.telling = undefined));
    }, TELL_MS);
  }

  /** The others have the whole share again at once. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.telling;
    const { store, watcher, log } = this.dependencies;
    await store.end(watcher).catch((error: unknown) => log.warn({ error: String(error) }, 'that this guardian ends could not be told'));
  }

  private async tell(): Promise<void> {
    const { store, accounts, watcher, log } = this.dependencies;
    try {
      this.counts = await store.tell(accounts, watcher);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) log.warn({ error: String(error) }, 'the guardians that watch could not be counted; they are counted again');
      this.isFailing = true;
    }
  }
}
