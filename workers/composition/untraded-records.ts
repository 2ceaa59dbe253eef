import type { Failure } from '../../core/errors.js';
import { signalId, type TradeSignal } from '../../core/signal/signal.js';
import { signalEvent } from '../../activities/order/audit.js';
import type { OrderStore } from '../../activities/ports/store.js';

/** Days of a few strategies, or minutes of very many: some megabytes. */
const MOST_WAITING = 5_000;
const AGAIN_MS = { first: 500, most: 5_000 } as const;

/** What the ledger has not taken so often, and takes other things, it will not take. */
const TRIES = 20;

interface Untraded {
  readonly signal: TradeSignal;
  readonly failures: readonly Failure[];
  readonly tries: number;
}

/** Of an account: how many are in no record, and the first and last of them. */
interface Lost {
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

export interface UntradedRecordsDependencies {
  readonly store: Pick<OrderStore, 'recordUntraded' | 'openIncident'>;
  /** Of the ledger, under which this process began (P31). */
  readonly epoch: number;
  /** Over when the process stops. */
  readonly wait: (ms: number) => Promise<void>;
  readonly stopping: AbortSignal;
  readonly log: { warn(data: object, message: string): void; error(data: object, message: string): void };
  /** How many wait at most. */
  readonly most?: number;
}

/**
 * Signals that are not traded, on their way into the ledger (P1). What it does not take, because it is away, waits in memory until it does:
 * beside the strategies, which decide on. There is room for very many; what finds none is counted and told to people.
 */
export class UntradedRecords {
  private readonly dependencies: UntradedRecordsDependencies;
  private readonly waiting: Untraded[] = [];
  private isDraining = false;
  /** By account: what found no room. */
  private readonly lost = new Map<string, Lost>();

  constructor(dependencies: UntradedRecordsDependencies) {
    this.dependencies = dependencies;
  }

  /** Returns when it is recorded, or waits for that. Never throws. */
  async record(signal: TradeSignal, failures: readonly Failure[]): Promise<void> {
    const untraded = { signal, failures, tries: 1 };
    if (await this.isWritten(untraded)) return;
    if (this.waiting.length < (this.dependencies.most ?? MOST_WAITING)) this.waiting.push(untraded);
    else this.lose(signal);
    if (!this.isDraining) void this.drain();
  }

  private async isWritten({ signal, failures }: Omit<Untraded, 'tries'>): Promise<boolean> {
    const { store, epoch, log } = this.dependencies;
    try {
      await store.recordUntraded(signal, failures, epoch, { audit: [signalEvent('signal.notTraded', signal, failures)] });
      return true;
    } catch (error) {
      log.warn({ signal: signalId(signal), error: String(error) }, 'an untraded signal could not be recorded; it is tried again');
      return false;
    }
  }

  private async drain(): Promise<void> {
    const { wait, stopping, log } = this.dependencies;
    this.isDraining = true;
    for (let againMs: number = AGAIN_MS.first; this.waiting.length > 0 || this.lost.size > 0;) {
      await wait(againMs);
      againMs = (await this.isDrained()) ? AGAIN_MS.first : Math.min(2 * againMs, AGAIN_MS.most);
      if (!stopping.aborted || (this.waiting.length === 0 && this.lost.size === 0)) continue;
      const signals = this.waiting.splice(0).map(({ signal }) => signalId(signal));
      log.error({ signals, lost: Object.fromEntries(this.lost) }, 'untraded signals could not be recorded before the process stopped');
      this.lost.clear();
    }
    this.isDraining = false;
  }

  /** @returns whether the ledger took what it was given. */
  private async isDrained(): Promise<boolean> {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      if (await this.isWritten(next)) continue;
      const id = signalId(next.signal);
      const tries = next.tries + 1;
      if (tries >= TRIES && (await this.isTold(next.signal.account, { count: 1, first: id, last: id }))) continue;
      // It keeps no other waiting.
      this.waiting.push({ ...next, tries });
      return false;
    }
    return this.isLossTold();
  }

  private lose(signal: TradeSignal): void {
    const id = signalId(signal);
    const { count, first } = this.lost.get(signal.account) ?? { count: 0, first: id };
    this.lost.set(signal.account, { count: count + 1, first, last: id });
    this.dependencies.log.error(
      { signal: id },
      'an untraded signal could not be recorded: too many wait for the ledger; it is counted and told',
    );
  }

  private async isLossTold(): Promise<boolean> {
    for (const [account, lost] of this.lost) {
      if (!(await this.isTold(account, lost))) return false;
      this.lost.delete(account);
    }
    return true;
  }

  private async isTold(account: string, lost: Lost): Promise<boolean> {
    const { store, log } = this.dependencies;
    try {
      const key = `signalsNotRecorded:${account}:${lost.first}`;
      await store.openIncident({ incidents: [{ key, account, kind: 'signalsNotRecorded', data: lost }] });
      return true;
    } catch (error) {
      log.warn({ account, error: String(error) }, 'it could not be told how many signals are not recorded; it is tried again');
      return false;
    }
  }
}
