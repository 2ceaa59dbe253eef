/** An address that is short for so long is told of to people, and once more, as an error, after the second time. */
const TOLD_AFTER_MS = { warning: 120_000, error: 600_000 } as const;
/** Of so many orders the incident has the names. */
const NAMED = 20;

/** What waits at a moment because the venue has counted nearly all that it allows our address. */
export interface Waiting {
  readonly orders: readonly string[];
  readonly areFillsWaiting: boolean;
}

export interface ToldShortage {
  readonly severity: keyof typeof TOLD_AFTER_MS;
  readonly forMinutes: number;
  /** Of the orders that were made to wait. */
  readonly notLookedUp: readonly string[];
  readonly count: number;
  readonly notListed: readonly string[];
}

/**
 * For how long what the venue allows an address has been nearly used, again and again: with each of the venue's windows everything has its turn for a
 * moment, and an address that is short in each of them is short all the time.
 */
export class Shortage {
  private begun: { readonly since: number; readonly last: number } | undefined;
  private readonly orders = new Set<string>();
  private areFillsWaiting = false;

  /** To be called with each look. */
  see(now: number, waiting: Waiting, windowMs: number): void {
    const { begun } = this;
    // By a clock that was set back nobody knows how long it has been.
    if (begun !== undefined && (now - begun.last > windowMs || now < begun.last)) this.end();
    if (waiting.orders.length === 0 && !waiting.areFillsWaiting) return;
    this.begun = { since: this.begun?.since ?? now, last: now };
    for (const intentId of waiting.orders) this.orders.add(intentId);
    this.areFillsWaiting ||= waiting.areFillsWaiting;
  }

  /** @param resting what is told of orders that rest no more is of no use to anybody */
  told(now: number, resting: ReadonlySet<string>): readonly ToldShortage[] {
    if (this.begun === undefined) return [];
    const orders = [...this.orders].filter((intentId) => resting.has(intentId));
    const notListed = this.areFillsWaiting ? ['fills'] : [];
    if (orders.length === 0 && notListed.length === 0) return [];
    const lastedMs = now - this.begun.since;
    const of = { notLookedUp: orders.slice(0, NAMED), count: orders.length, notListed };
    return (['warning', 'error'] as const)
      .filter((severity) => lastedMs >= TOLD_AFTER_MS[severity])
      .map((severity) => ({ severity, forMinutes: TOLD_AFTER_MS[severity] / 60_000, ...of }));
  }

  private end(): void {
    this.begun = undefined;
    this.orders.clear();
    this.areFillsWaiting = false;
  }
}
