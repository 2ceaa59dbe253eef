import { EntryShare, type Moment } from '../../core/venue/entry-share.js';
import { tradingWeight, WeightMeter, type WeightBudget } from '../../core/venue/weight.js';
import type { VenueShareStore } from '../ports/venue-share.js';

const ASK_EACH_MS = 1_000;

export interface VenueSharesDependencies {
  readonly store: VenueShareStore;
  /** This run of the process. */
  readonly holder: string;
  readonly now: () => Moment;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
}

/** The part that this process has of each venue's share of trading: asked for each second, away from the orders. */
export class VenueShares {
  private readonly dependencies: VenueSharesDependencies;
  private readonly shares = new Map<string, { readonly share: EntryShare; readonly meter: WeightMeter }>();
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  private questions = 0;
  private isFailing = false;

  constructor(dependencies: VenueSharesDependencies) {
    this.dependencies = dependencies;
  }

  /** A meter of an address, whose entries keep to this process's part. */
  readonly meter = (address: string, budget: WeightBudget): WeightMeter => {
    const share = new EntryShare(budget.windowMs, this.dependencies.now);
    const meter = new WeightMeter(budget, share);
    this.shares.set(address, { share, meter });
    return meter;
  };

  /** Returns when each was asked for once. */
  async start(): Promise<void> {
    await this.askAll(false);
    this.running = this.keepAsking();
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
    // Where it cannot be told, the whole part is kept until it counts no more.
    await this.askAll(true);
  }

  private async keepAsking(): Promise<void> {
    const { pause } = this.dependencies;
    const { signal } = this.ending;
    while (!signal.aborted) {
      await pause(ASK_EACH_MS, signal);
      if (!signal.aborted) await this.askAll(false);
    }
  }

  private async askAll(isLast: boolean): Promise<void> {
    const { log } = this.dependencies;
    try {
      for (const [address, { share, meter }] of this.shares) await this.ask(address, share, tradingWeight(meter.allowed), isLast);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing)
        log.warn({ error: String(error) }, 'trading’s share could not be divided; after 5 s nothing is entered until it can');
      this.isFailing = true;
    }
  }

  private async ask(address: string, share: EntryShare, total: number, isLast: boolean): Promise<void> {
    const { store, holder, now } = this.dependencies;
    const asked = now();
    this.questions += 1;
    const { keptForMs } = share;
    const answer = await store.take({ address, holder, question: this.questions, total, ...share.state(), keptForMs, isLast });
    if (answer !== undefined) share.take(answer, asked);
  }
}
