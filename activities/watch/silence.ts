import type { WatchSilenceStore } from '../ports/watch.js';

/** Without a sample for so long nobody sees what an account loses. */
const WATCH_SILENT_MS = 15_000;
const LOOK_MS = 5_000;

export interface WatchSilenceDependencies {
  readonly store: WatchSilenceStore;
  readonly accounts: readonly string[];
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Tells people of accounts that nobody watches: the watch of one fails each time, or never began since its venue does not open. Each
 * guardian looks at all of its accounts; what several find is told once.
 */
export class WatchSilence {
  private readonly dependencies: WatchSilenceDependencies;
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> | undefined;
  private looks = 0;
  /** What was found at the look before: after a machine that slept, a watch has a moment to make its next sample. */
  private before: ReadonlyMap<string, string> = new Map();

  constructor(dependencies: WatchSilenceDependencies) {
    this.dependencies = dependencies;
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    }, LOOK_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    const { store, accounts, log } = this.dependencies;
    this.looks += 1;
    const found = new Map<string, string>();
    for (const account of accounts) {
      try {
        const since = await store.silentSince(account, WATCH_SILENT_MS);
        if (since === undefined) continue;
        found.set(account, since);
        // Who has just started has not had the time to be watched.
        if (this.looks * LOOK_MS > WATCH_SILENT_MS && this.before.get(account) === since) await store.tellSilence(account, since);
      } catch (error) {
        log.warn({ account, error: String(error) }, 'whether the account is watched could not be read; it is read again');
      }
    }
    this.before = found;
  }
}
