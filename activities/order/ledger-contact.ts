import { PROTOCOL } from '../../core/risk/limits.js';
import type { ClearanceStore } from '../ports/clearance.js';
import type { LiveMarket } from '../ports/live.js';

const ASK_EACH_MS = 1_000;
/** While the database does not answer. */
const ASK_AGAIN_MS = 250;
/** A comparison counts that is of so much to come (`not_ahead`). */
const AHEAD_MS = 2_000;
/** While an account waits for a comparison, one is asked for so often. */
const COMPARE_EACH_MS = 10_000;

export interface LedgerContactDependencies {
  readonly store: ClearanceStore;
  /** Our clock, epoch ms, and one that nobody sets. Either may stand still while the other goes on. */
  readonly clock: () => number;
  readonly monotonic: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The accounts whose entries may have to wait, and what compares one with its venue. */
  readonly accounts: readonly string[];
  readonly compare: (account: string) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
}

interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

/**
 * Whether this process has had its ledger all the time. Who could complete no statement for more than 5 s does not know what
 * it has missed, nor what it left half done: its entries wait for a check of ledger against venue that began after that.
 * Also a process that was stopped for so long has lost it, and one whose predecessor had: the database knows when a worker of
 * this name had it last, and whether it left in order.
 */
export class LedgerContact {
  private readonly dependencies: LedgerContactDependencies;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;
  /** When the database answered last, and when, by its own clock, it did so after it had been lost. */
  private last: Moment;
  private backTime: number | undefined;
  private cleanSince: Readonly<Record<string, number>> = {};
  private hasAnswered = false;
  private comparedAt = Number.NEGATIVE_INFINITY;

  constructor(dependencies: LedgerContactDependencies) {
    this.dependencies = dependencies;
    this.last = this.now();
    this.running = this.watch();
  }

  /** Why no entry may be made in the account; undefined: nothing speaks against it. */
  doubt(account: string): string | undefined {
    if (!this.hasAnswered) return 'has not answered this process yet';
    const silentMs = this.silentMs();
    if (silentMs > PROTOCOL.ledgerLostMs) return `has not answered this process for ${Math.round(silentMs)} ms`;
    if (this.backTime === undefined || (this.cleanSince[account] ?? 0) > this.backTime) return undefined;
    return `did not answer this worker, or one before it, for more than ${PROTOCOL.ledgerLostMs} ms before ${new Date(this.backTime).toISOString()}`;
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
    // Where it cannot be told, whoever comes next is in doubt.
    await this.dependencies.store.end().catch(() => undefined);
  }

  private async watch(): Promise<void> {
    const { store, pause } = this.dependencies;
    const { signal } = this.ending;
    while (!signal.aborted) {
      try {
        const { databaseTime, cleanSince, doubtSince } = await store.ask();
        // Its clock may have been ahead, and set back: a doubt of a time to come waits for a comparison of after all that count now.
        const before = Math.min(this.backTime ?? 0, databaseTime + AHEAD_MS);
        const back = Math.max(before, doubtSince ?? 0, this.silentMs() > PROTOCOL.ledgerLostMs ? databaseTime : 0);
        const isNew = back > before;
        if (back > 0) this.backTime = back;
        [this.last, this.cleanSince, this.hasAnswered] = [this.now(), cleanSince, true];
        await this.compareDoubted(isNew);
        await pause(ASK_EACH_MS, signal);
      } catch {
        await pause(ASK_AGAIN_MS, signal);
      }
    }
  }

  /** Nobody waits longer than a comparison takes. One that cannot be asked for is made each minute all the same. */
  private async compareDoubted(isNew: boolean): Promise<void> {
    const { accounts, compare, log } = this.dependencies;
    const doubted = accounts.filter((account) => this.doubt(account) !== undefined);
    if (doubted.length === 0) return;
    if (isNew)
      log.warn({ accounts: doubted }, 'the database was lost for more than 5 s: entries wait for a clean check of ledger against venue');
    const { monotonic } = this.now();
    if (monotonic - this.comparedAt < COMPARE_EACH_MS) return;
    this.comparedAt = monotonic;
    for (const account of doubted) {
      await compare(account).catch((error: unknown) => log.warn({ account, error: String(error) }, 'no comparison could be asked for'));
    }
  }

  private now(): Moment {
    const { clock, monotonic } = this.dependencies;
    return { time: clock(), monotonic: monotonic() };
  }

  private silentMs(): number {
    const { time, monotonic } = this.now();
    return Math.max(time - this.last.time, monotonic - this.last.monotonic);
  }
}

/** What the process sees, and whether it may trust its ledger. */
export function withLedgerContact(live: LiveMarket, contact: Pick<LedgerContact, 'doubt'>): LiveMarket {
  return {
    view(account, instrument) {
      const ledgerDoubt = contact.doubt(account);
      return { ...live.view(account, instrument), ...(ledgerDoubt === undefined ? {} : { ledgerDoubt }) };
    },
    venueNow: (account) => live.venueNow(account),
    signingTime: (account) => live.signingTime(account),
    clockSkewMs: (account) => live.clockSkewMs(account),
    clockRoundTripMs: (account) => live.clockRoundTripMs(account),
  };
}
