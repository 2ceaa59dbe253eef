import type { Bar } from '../../core/bars/bar.js';
import type { MarketStore, OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { StreamedMarket } from './live-market.js';
import type { StrategyRunner } from './strategy-runner.js';
import { untilStopped } from './until-stopped.js';

const RUN_FOR_MS = 3_600_000;
const BARS_A_REQUEST = 500;

export interface BarStreamDependencies {
  readonly venueOf: (account: string) => Venue;
  readonly venueNameOf: (account: string) => string;
  readonly bars: Pick<MarketStore, 'saveBars' | 'lastBars'>;
  readonly store: Pick<OrderStore, 'openIncident'>;
  readonly market: StreamedMarket;
  readonly runnersOf: (account: string, intervalMs: number) => readonly StrategyRunner[];
  readonly clock: () => number;
  readonly stopping: AbortSignal;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * The bar stream of an account: warm-up from stored bars and the venue's, then each closed bar to its strategies first
 * and to the store after them. Missing bars are fetched by REST, marked, and cause no signals.
 */
export async function streamBars(dependencies: BarStreamDependencies, account: string, intervalMs: number): Promise<void> {
  const { market, stopping } = dependencies;
  const runners = dependencies.runnersOf(account, intervalMs);
  const instruments = [...new Set(runners.map((runner) => runner.instrument))];
  const feed = new BarFeed(dependencies, account, intervalMs);
  await untilStopped({ stopping, runForMs: RUN_FOR_MS }, async (signal) => {
    await Promise.all(runners.map((runner) => feed.warmUp(runner)));
    await dependencies.venueOf(account).streams.watchBars(
      { instruments, intervalMs },
      {
        onBar: ({ bar, receivedTime }) => {
          market.seePrice(account, bar.instrument, bar.close, receivedTime);
          for (const runner of runners) if (runner.instrument === bar.instrument) feed.give(runner, bar);
          feed.save([bar], 'stream');
        },
        onPrice: (instrument, price, receivedTime) => market.seePrice(account, instrument, price, receivedTime),
        onGap: (reason) => dependencies.log.warn({ account, reason }, 'the bar stream had a gap'),
      },
      signal,
    );
    await feed.idle();
  });
}

class BarFeed {
  private readonly dependencies: BarStreamDependencies;
  private readonly account: string;
  private readonly intervalMs: number;
  private readonly queues = new Map<StrategyRunner, Promise<void>>();
  private readonly holes = new Map<string, Promise<readonly Bar[]>>();
  private readonly begun = new Set<StrategyRunner>();
  private saving: Promise<void> = Promise.resolve();

  constructor(dependencies: BarStreamDependencies, account: string, intervalMs: number) {
    this.dependencies = dependencies;
    this.account = account;
    this.intervalMs = intervalMs;
  }

  /** One bar after the other for each strategy; strategies do not wait for each other. */
  give(runner: StrategyRunner, bar: Bar): void {
    const before = this.queues.get(runner) ?? Promise.resolve();
    this.queues.set(
      runner,
      before.then(() => this.take(runner, bar)).catch((error: unknown) => this.report(error, `bar ${bar.openTime} of ${bar.instrument}`)),
    );
  }

  /** Stores bars after the decision; a failure is told, and the venue still has them. */
  save(bars: readonly Bar[], source: 'stream' | 'rest'): void {
    if (bars.length === 0) return;
    const venue = this.dependencies.venueNameOf(this.account);
    this.afterwards('saving bars', () => this.dependencies.bars.saveBars(venue, bars, source));
  }

  /** The ledger's work follows in its own time: no decision waits for it. */
  private afterwards(what: string, work: () => Promise<void>): void {
    this.saving = this.saving.then(work).catch((error: unknown) => this.report(error, what));
  }

  async idle(): Promise<void> {
    await Promise.all(this.queues.values());
    await this.saving;
  }

  async warmUp(runner: StrategyRunner): Promise<void> {
    const { bars, venueNameOf, venueOf, clock } = this.dependencies;
    const stored = await bars.lastBars(venueNameOf(this.account), runner.instrument, this.intervalMs, runner.lookbackBars);
    // The whole window is asked for: what is stored may have holes from a time when nobody listened.
    const from = Math.floor(clock() / this.intervalMs - runner.lookbackBars - 1) * this.intervalMs;
    const shown = await venueOf(this.account).reader.bars(runner.instrument, this.intervalMs, from, BARS_A_REQUEST);
    runner.warmUp([...stored, ...shown]);
    this.save(shown, 'rest');
  }

  private async take(runner: StrategyRunner, bar: Bar): Promise<void> {
    const arrival = await runner.onBar(bar);
    // The bars that closed between the warm-up and the first frame are no gap of the stream: it was not there yet.
    const isFirst = !this.begun.has(runner);
    this.begun.add(runner);
    if (arrival.kind !== 'gap') return;
    const shown = await this.missing(runner.instrument, arrival.fromOpenTime, arrival.toOpenTime, isFirst);
    runner.warmUp(shown.filter((one) => one.openTime < bar.openTime));
    // Where the hole is still open, nothing is decided, and the next bar asks again: for bars that the venue shows late,
    // or for those after a hole of its own, with which the window begins anew.
    await runner.onBar(bar);
  }

  /** Bars from a hole's first to its last and what follows, stored and marked once, however many strategies miss them. */
  private missing(instrument: string, from: number, to: number, isFirst: boolean): Promise<readonly Bar[]> {
    const key = `${instrument} ${from} ${to}`;
    const asked = this.holes.get(key);
    if (asked !== undefined) return asked;
    const asking = this.fetchMissing(instrument, from, to, isFirst).finally(() => this.holes.delete(key));
    this.holes.set(key, asking);
    return asking;
  }

  private async fetchMissing(instrument: string, from: number, to: number, isFirst: boolean): Promise<readonly Bar[]> {
    const { store, venueOf } = this.dependencies;
    const { reader } = venueOf(this.account);
    const shown: Bar[] = [];
    for (let next = from; next <= to;) {
      const page = await reader.bars(instrument, this.intervalMs, next, BARS_A_REQUEST);
      const last = page.at(-1);
      if (last === undefined || last.openTime < next) break;
      shown.push(...page);
      next = last.openTime + this.intervalMs;
    }
    this.save(shown, 'rest');
    const filled = shown.filter((bar) => bar.openTime <= to).length;
    if (isFirst && filled === (to - from) / this.intervalMs + 1) return shown;
    const data = { instrument, from, to, filled };
    this.afterwards('marking a gap', () => store.openIncident({ audit: [{ kind: 'bars.gap', account: this.account, data }] }));
    return shown;
  }

  private report(error: unknown, what: string): void {
    this.dependencies.log.warn({ account: this.account, error: error instanceof Error ? error.message : String(error) }, `${what} failed`);
  }
}
