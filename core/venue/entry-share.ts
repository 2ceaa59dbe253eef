import { PROTOCOL } from '../risk/limits.js';

/** Two clocks of one process: either may stand still, as in a machine that sleeps, while the other goes on. */
export interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

/** What the ledger has divided: so many entries within a window, of all that may be entered from the address. */
export interface DividedShare {
  readonly granted: number;
  /** What each process may have that wants it. */
  readonly base: number;
  /** Another one has less than that. */
  readonly isWanted: boolean;
}

/** For so long after it was asked for, a part counts; its holder asks each second. */
const VALID_MS = 5_000;
/** The ledger's clock may run slower than ours by this, until it gives the part of one that has gone to another. */
const SLACK_MS = 3_000;

/**
 * What one process may enter of trading's share, where several enter from one address: what a venue tells one of them is known to the others only with their next answer. Each asks the
 * ledger for a part, and never begins more entries than that within any window of the venue; the parts add up to no more than the share. Nothing is asked when an entry
 * is made. Whoever could not ask for five seconds has none.
 */
export class EntryShare {
  /** Of the entries that a window which is not over may count, by the clock that nobody sets. */
  private begun: { readonly time: number }[] = [];
  private allowed = 0;
  private asked: Moment | undefined;
  private readonly windowMs: number;
  private readonly now: () => Moment;

  constructor(windowMs: number, now: () => Moment) {
    this.windowMs = windowMs;
    this.now = now;
  }

  /** How long the ledger keeps the part of one that has gone: what it has entered may count until then. */
  get keptForMs(): number {
    return this.spanMs + VALID_MS + SLACK_MS;
  }

  /** How many entries were begun that one window may count, and how many may be at most until there is another answer. */
  state(): { readonly used: number; readonly held: number } {
    if (!this.isValid()) this.allowed = 0;
    const used = this.used();
    return { used, held: Math.max(this.allowed, used) };
  }

  /** @param asked when the answer was asked for: it counts from then. */
  take({ granted, base, isWanted }: DividedShare, asked: Moment): void {
    this.allowed = Math.min(granted, isWanted ? base : Math.max(base, 2 * this.used()));
    this.asked = asked;
  }

  /** For one entry that is about to leave; `undo`: it does not leave after all. */
  claim(): { readonly isTaken: boolean; readonly used: number; readonly share: number; readonly undo: () => void } {
    const { used } = this.state();
    const isTaken = used < this.allowed;
    const one = { time: this.now().monotonic };
    if (isTaken) this.begun.push(one);
    return { isTaken, used, share: this.allowed, undo: () => void (this.begun = this.begun.filter((other) => other !== one)) };
  }

  /** What is begun in one window may arrive in the next, as late as the venue still admits it. */
  private get spanMs(): number {
    return this.windowMs + PROTOCOL.receiveWindowMaxMs;
  }

  private used(): number {
    const { monotonic } = this.now();
    this.begun = this.begun.filter(({ time }) => monotonic - time < this.spanMs);
    return this.begun.length;
  }

  private isValid(): boolean {
    if (this.asked === undefined) return false;
    const { time, monotonic } = this.now();
    return Math.max(time - this.asked.time, monotonic - this.asked.monotonic) < VALID_MS;
  }
}
