import { Needs, type Need } from '../../core/venue/parts.js';
import type { WatcherStore } from '../ports/watch.js';

const TELL_MS = 5_000;

export interface WatchersDependencies {
  readonly store: WatcherStore;
  readonly accounts: readonly string[];
  /** The accounts that the venue counts together with this one, itself included. */
  readonly together: (account: string) => readonly string[];
  /** This run of the process. */
  readonly watcher: string;
  readonly clock: () => number;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * How what the venue of an account allows is shared: among the guardians that watch there, evenly, and in each among the accounts that the venue counts together,
 * by what they need. Each divides its own part, as it sees the needs, so all of them spend there what one alone would, also where they see them differently.
 * Where the ledger does not answer, how many guardians there are stands as it said last.
 */
export class Watchers {
  private readonly dependencies: WatchersDependencies;
  private timer: NodeJS.Timeout | undefined;
  private telling: Promise<void> | undefined;
  private counts: Readonly<Record<string, number>> = {};
  private isFailing = false;
  private readonly needs = new Needs();

  constructor(dependencies: WatchersDependencies) {
    this.dependencies = dependencies;
  }

  /** What the watch of an account needs at this moment. */
  readonly tellNeed = (account: string, need: Need): void => this.needs.tell(account, need, this.dependencies.clock());

  /** How many watches of the size that this one of the account may have share what the venue allows. */
  readonly of = (account: string): number => {
    const { together, clock } = this.dependencies;
    const all = together(account);
    // One that watches some of the accounts alone has its part all the same: the other ones have the other.
    const guardians = Math.max(1, ...all.map((one) => this.counts[one] ?? 1));
    return guardians / this.needs.partOf(account, all, clock());
  };

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
