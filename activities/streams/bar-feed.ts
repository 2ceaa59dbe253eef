import type { Bar } from '../../core/bars/bar.js';
import type { Arrival } from '../../core/bars/window.js';
import { failure, type ErrorCode } from '../../core/errors.js';
import type { MarketStore, OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { StreamedMarket } from './live-market.js';
import { BARS_A_REQUEST, MOST_PAST_BARS, PastBars } from './past-bars.js';
import type { StrategyRunner } from './strategy-runner.js';

/** Bars close together: they are stored by one statement, when the orders that they cause have left. */
const STORED_AFTER_MS = 200;

export interface BarFeedDependencies {
  readonly venueOf: (account: string) => Venue;
  readonly venueNameOf: (account: string) => string;
  readonly bars: Pick<MarketStore, 'saveBars' | 'lastBars' | 'newestHoles' | 'noteAbsent'>;
  readonly store: Pick<OrderStore, 'openIncident' | 'tellEpisodes'>;
  readonly market: StreamedMarket;
  readonly clock: () => number;
  readonly log: { warn(data: object, message: string): void };
}

/** Gives the bars of one stream to its strategies, each in its turn, seeks those that it has missed, and stores them all. */
export class BarFeed {
  private readonly dependencies: BarFeedDependencies;
  private readonly account: string;
  private readonly intervalMs: number;
  private readonly queues = new Map<StrategyRunner, Promise<void>>();
  private readonly holes = new Map<string, Promise<readonly Bar[]>>();
  private readonly begun = new Set<StrategyRunner>();
  /** Whose bars are sought that closed while nobody listened. */
  private readonly seeking = new Map<StrategyRunner, Promise<void>>();
  /** By instrument, the newest of the bars that are marked as missed. */
  private readonly markedTo = new Map<string, number>();
  private readonly past: PastBars;
  /** By instrument and first bar: what was read of a hole until the venue failed. The next try goes on there, or a long hole would never be filled. */
  private readonly readOf = new Map<string, readonly Bar[]>();
  private unsaved: Bar[] = [];
  private saving: Promise<void> = Promise.resolve();

  constructor(dependencies: BarFeedDependencies, account: string, intervalMs: number) {
    this.dependencies = dependencies;
    this.account = account;
    this.intervalMs = intervalMs;
    const { bars, store, venueOf, venueNameOf } = dependencies;
    this.past = new PastBars({
      ...{ account, venue: venueNameOf(account), intervalMs, bars, store, reader: venueOf(account).reader },
      // Not what has just closed: it is none of the past, and waits until its orders have left.
      stored: () => this.saving,
      report: (error, what) => this.report(error, what),
    });
  }

  /** One bar after the other for each strategy; strategies do not wait for each other. */
  give(runner: StrategyRunner, bar: Bar): void {
    this.inTurn(runner, `bar ${bar.openTime} of ${bar.instrument}`, () => this.take(runner, bar));
  }

  private inTurn(runner: StrategyRunner, what: string, work: () => Promise<unknown>): void {
    const before = this.queues.get(runner) ?? Promise.resolve();
    const done = before.then(work).then(
      () => undefined,
      (error: unknown) => this.report(error, what),
    );
    this.queues.set(runner, done);
  }

  /**
   * Bars that closed while nobody listened. The newest is decided on, late, while its signal would be valid: it is the same signal whoever decides
   * it, so that it is sent once (P1). Those before it only fill the window.
   */
  private giveMissed(runner: StrategyRunner, missed: readonly Bar[]): void {
    const newest = missed.at(-1);
    if (newest === undefined) return;
    this.inTurn(runner, `bar ${newest.openTime} of ${newest.instrument}`, async () => {
      runner.warmUp(missed.slice(0, -1));
      const arrival = await runner.onBar(newest);
      // After a hole of the venue's own the window begins anew.
      if (arrival.kind === 'gap') runner.warmUp([newest]);
    });
  }

  /**
   * Asks for what should have closed since the newest bar that is known, if anything; one at a time.
   * @param isGap the stream was there before: what it has missed is marked
   */
  seekClosed(runner: StrategyRunner, isGap: boolean): void {
    const { instrument } = runner;
    const last = runner.lastOpenTime();
    if (this.seeking.has(runner) || last === undefined) return;
    if (this.dependencies.market.venueNow(this.account) < last + 2 * this.intervalMs) return;
    const seeking = this.dependencies
      .venueOf(this.account)
      .reader.bars(instrument, this.intervalMs, last + this.intervalMs, BARS_A_REQUEST)
      .then((shown) => {
        if (isGap) this.markMissed(instrument, shown);
        this.saveShown(shown);
        this.giveMissed(runner, shown);
      })
      .catch((error: unknown) => this.report(error, `bars of ${instrument} after ${last}`))
      .finally(() => this.seeking.delete(runner));
    this.seeking.set(runner, seeking);
  }

  /** Stores a bar that has just closed, some moments after its decision; one that is lost meanwhile is fetched like every other gap. */
  saveSoon(bar: Bar): void {
    if (this.unsaved.length === 0) setTimeout(() => this.saveUnsaved(), STORED_AFTER_MS);
    this.unsaved.push(bar);
  }

  private saveUnsaved(): void {
    this.store(this.unsaved.splice(0), 'stream');
  }

  /** Bars that were asked for follow those that came by themselves: of a bar that is stored, the first source is kept. */
  private saveShown(bars: readonly Bar[]): void {
    this.saveUnsaved();
    this.store(bars, 'rest');
  }

  /** A failure is told, and the venue still has them. */
  private store(bars: readonly Bar[], source: 'stream' | 'rest'): void {
    if (bars.length === 0) return;
    const venue = this.dependencies.venueNameOf(this.account);
    this.afterwards('saving bars', () => this.dependencies.bars.saveBars(venue, bars, source));
  }

  /** The ledger's work follows in its own time: no decision waits for it. */
  private afterwards(what: string, work: () => Promise<void>): void {
    this.saving = this.saving.then(work).catch((error: unknown) => this.report(error, what));
  }

  async idle(): Promise<void> {
    await Promise.all(this.seeking.values());
    await Promise.all(this.queues.values());
    await this.past.end();
    this.saveUnsaved();
    await this.saving;
  }

  async warmUp(runner: StrategyRunner): Promise<void> {
    const { bars, venueNameOf, venueOf, market } = this.dependencies;
    const stored = await bars.lastBars(venueNameOf(this.account), runner.instrument, this.intervalMs, runner.lookbackBars);
    // The whole window is asked for: what is stored may have holes from a time when nobody listened. Bars are stamped in the venue's time.
    const from = Math.floor(market.venueNow(this.account) / this.intervalMs - runner.lookbackBars - 1) * this.intervalMs;
    const shown = await venueOf(this.account).reader.bars(runner.instrument, this.intervalMs, from, BARS_A_REQUEST);
    const known = [...new Map([...stored, ...shown].map((bar) => [bar.openTime, bar])).values()].toSorted(
      (one, other) => one.openTime - other.openTime,
    );
    runner.warmUp(known.slice(0, -1));
    this.seeClose(runner.instrument, known.at(-1));
    this.giveMissed(runner, known.slice(-1));
    this.markLacking(runner.instrument, stored.at(-1), shown);
    this.saveShown(shown);
    this.past.lookBefore(runner.instrument, from);
  }

  /** Of what no stream of this process has told a price of yet: as old as its bar, by our clock. */
  private seeClose(instrument: string, newest: Bar | undefined): void {
    const { market, clock } = this.dependencies;
    if (newest === undefined || market.view(this.account, instrument).price !== undefined) return;
    const now = clock();
    const aheadMs = market.venueNow(this.account) - now;
    market.seePrice(this.account, instrument, newest.close, { seenTime: Math.min(now, newest.closeTime - aheadMs) });
  }

  /** Where bars are stored, and none of those that have closed since: nobody listened. What lies before the window is marked as it is filled. */
  private markLacking(instrument: string, newest: Bar | undefined, shown: readonly Bar[]): void {
    const lacking = newest === undefined ? [] : shown.filter(({ openTime }) => openTime > newest.openTime);
    this.markMissed(instrument, lacking);
  }

  /** Once, however many strategies miss them. */
  private markMissed(instrument: string, missed: readonly Bar[]): void {
    const [first, last] = [missed[0], missed.at(-1)];
    if (first === undefined || last === undefined || last.openTime <= (this.markedTo.get(instrument) ?? 0)) return;
    this.markedTo.set(instrument, last.openTime);
    this.mark({ instrument, from: first.openTime, to: last.openTime, filled: missed.length });
  }

  private mark(data: { readonly instrument: string; readonly from: number; readonly to: number; readonly filled: number }): void {
    const { store } = this.dependencies;
    // Where the venue has not shown all of it nothing is decided.
    const isWhole = data.filled === (data.to - data.from) / this.intervalMs + 1;
    const told = isWhole ? data : { ...data, code: 'DATA_GAP' satisfies ErrorCode };
    this.afterwards('marking a gap', () => store.openIncident({ audit: [{ kind: 'bars.gap', account: this.account, data: told }] }));
  }

  private async take(runner: StrategyRunner, bar: Bar): Promise<void> {
    const arrival = await runner.onBar(bar);
    // The bars that closed between the warm-up and the first frame are no gap of the stream: it was not there yet.
    const isFirst = !this.begun.has(runner);
    this.begun.add(runner);
    this.past.fill();
    if (arrival.kind !== 'gap') return;
    const shown = await this.missing(runner.instrument, arrival.fromOpenTime, arrival.toOpenTime, isFirst);
    runner.warmUp(shown.filter((one) => one.openTime < bar.openTime));
    // Where the hole is still open, nothing is decided, and the next bar asks again: for bars that the venue shows late,
    // or for those after a hole of its own, with which the window begins anew.
    const { kind } = await runner.onBar(bar);
    if (kind === 'gap') this.reportHole(runner.instrument, arrival);
  }

  private reportHole(instrument: string, { fromOpenTime, toOpenTime }: Extract<Arrival, { kind: 'gap' }>): void {
    const iso = (time: number): string => new Date(time).toISOString();
    const { code, message } = failure('DATA_GAP', { instrument, from: iso(fromOpenTime), to: iso(toOpenTime) });
    this.dependencies.log.warn({ account: this.account, code, error: message }, 'a bar is not decided on');
  }

  /**
   * Bars from a hole's first to its last and what follows, stored as they come and marked once, however many strategies miss them. What this feed
   * does not get is found in the stored bars by the next.
   */
  private missing(instrument: string, from: number, to: number, isFirst: boolean): Promise<readonly Bar[]> {
    const key = `${instrument} ${from} ${to}`;
    const asked = this.holes.get(key);
    if (asked !== undefined) return asked;
    const asking = this.fetchMissing(instrument, from, to, isFirst).finally(() => this.holes.delete(key));
    this.holes.set(key, asking);
    return asking;
  }

  private async fetchMissing(instrument: string, from: number, to: number, isFirst: boolean): Promise<readonly Bar[]> {
    const { reader } = this.dependencies.venueOf(this.account);
    const hole = `${instrument} ${from}`;
    let shown = this.readOf.get(hole) ?? [];
    const read = shown.at(-1);
    let next = read === undefined ? Math.max(from, to - MOST_PAST_BARS * this.intervalMs) : read.openTime + this.intervalMs;
    while (next <= to) {
      const page = await reader.bars(instrument, this.intervalMs, next, BARS_A_REQUEST);
      const last = page.at(-1);
      if (last === undefined || last.openTime < next) break;
      shown = [...shown, ...page];
      this.readOf.set(hole, shown);
      this.saveShown(page);
      next = last.openTime + this.intervalMs;
    }
    this.readOf.delete(hole);
    const filled = shown.filter((bar) => bar.openTime <= to).length;
    if (isFirst && filled === (to - from) / this.intervalMs + 1) return shown;
    this.mark({ instrument, from, to, filled });
    return shown;
  }

  report(error: unknown, what: string): void {
    this.dependencies.log.warn({ account: this.account, error: error instanceof Error ? error.message : String(error) }, `${what} failed`);
  }
}
