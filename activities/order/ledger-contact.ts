import { PROTOCOL } from '../../core/risk/limits.js';
import type { ClearanceStore } from '../ports/clearance.js';
import type { LiveMarket } from '../ports/live.js';

const ASK_EACH_MS = 1_000;
/** While the database does not answer. */
const ASK_AGAIN_MS = 250;

export interface LedgerContactDependencies {
  readonly store: ClearanceStore;
  /** Our clock, epoch ms, and one that nobody sets. Either may stand still while the other goes on. */
  readonly clock: () => number;
  readonly monotonic: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
}

interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

/**
 * Whether this process has had its ledger all the time. Who could complete no statement for more than 5 s does not know what
 * it has missed, nor what it left half done: its entries wait for a check of ledger against venue that began after that.
 * Also a process that was stopped for so long has lost it.
 */
export class LedgerContact {
  private readonly dependencies: LedgerContactDependencies;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;
  /** When the database answered last, and when, by its own clock, it did so after it had been lost. */
  private last: Moment;
  private backTime: number | undefined;
  private cleanSince: Readonly<Record<string, number>> = {};

  constructor(dependencies: LedgerContactDependencies) {
    this.dependencies = dependencies;
    this.last = this.now();
    this.running = this.watch();
  }

  /** Why no entry may be made in the account; undefined: nothing speaks against it. */
  doubt(account: string): string | undefined {
    const silentMs = this.silentMs();
    if (silentMs > PROTOCOL.ledgerLostMs) return `has not answered this process for ${Math.round(silentMs)} ms`;
    if (this.backTime === undefined || (this.cleanSince[account] ?? 0) > this.backTime) return undefined;
    return `did not answer this process for more than ${PROTOCOL.ledgerLostMs} ms before ${new Date(this.backTime).toISOString()}`;
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async watch(): Promise<void> {
    const { store, pause, log } = this.dependencies;
    const { signal } = this.ending;
    while (!signal.aborted) {
      try {
        const { databaseTime, cleanSince } = await store.ask();
        if (this.silentMs() > PROTOCOL.ledgerLostMs) {
          this.backTime = databaseTime;
          log.warn({}, 'the database was lost for more than 5 s: entries wait for a clean check of ledger against venue');
        }
        [this.last, this.cleanSince] = [this.now(), cleanSince];
        await pause(ASK_EACH_MS, signal);
      } catch {
        await pause(ASK_AGAIN_MS, signal);
      }
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
    clockSkewMs: (account) => live.clockSkewMs(account),
  };
}
