import type { Bar } from '../../core/bars/bar.js';
import type { MarketStore, OrderStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { StreamedMarket } from './live-market.js';
import { BARS_A_REQUEST, MOST_PAST_BARS, PastBars } from './past-bars.js';
import { offered, type StandIn } from './stand-in.js';
import type { StrategyRunner, StrategyVersion } from './strategy-runner.js';
import { untilStopped } from './until-stopped.js';
import { WarmUps } from './warm-ups.js';

const RUN_FOR_MS = 3_600_000;
const ACTIVE_EVERY_MS = 500;
/** Bars close together: they are stored by one statement, when the orders that they cause have left. */
const STORED_AFTER_MS = 200;

export interface BarStreamDependencies {
  readonly venueOf: (account: string) => Venue;
  readonly venueNameOf: (account: string) => string;
  readonly bars: Pick<MarketStore, 'saveBars' | 'lastBars' | 'newestHoles' | 'noteAbsent'>;
  readonly store: Pick<OrderStore, 'openIncident' | 'tellEpisodes'>;
  readonly market: StreamedMarket;
  readonly runnersOf: (account: string, intervalMs: number) => readonly StrategyRunner[];
  /** Whether this build's version of the strategy is the active one, as far as can be told. */
  readonly isActive: (strategy: StrategyVersion) => Promise<boolean>;
  readonly standIn: StandIn;
  readonly clock: () => number;
  readonly stopping: AbortSignal;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * The bar stream of an account: warm-up from stored bars and the venue's, then each closed bar to its strategies first
 * and to the store after them. Missing bars are fetched by REST, marked, and cause no signals. A build that is not the
 * active one leaves the stream to the one that is.
 */
export async function streamBars(dependencies: BarStreamDependencies, account: string, intervalMs: number): Promise<void> {
  const { stopping } = dependencies;
  const runners = dependencies.runnersOf(account, intervalMs);
  const stream = `${account} ${intervalMs} ms`;
  const isActive = await areActive(dependencies, runners, stream);
  const turnMs = isActive ? 0 : dependencies.standIn.begin(stream);
  if (!isActive && turnMs === 0) throw offered(stream);
  const over = new AbortController();
  await untilStopped({ stopping, runForMs: RUN_FOR_MS }, async (signal) => {
    const looking = lookForOthers(() => areActive(dependencies, runners, stream), turnMs, over);
    try {
      await readBars(dependencies, { account, intervalMs, runners }, AbortSignal.any([signal, over.signal]));
    } finally {
      clearInterval(looking);
    }
  });
  if (!over.signal.aborted) return;
  dependencies.log.warn({ account, intervalMs }, 'this build is not the active one: its bar stream is offered to the others');
  throw offered(stream);
}

/** Ends the stream as soon as this build is not the active one and its turn as a stand-in is over. */
function lookForOthers(isActive: () => Promise<boolean>, turnMs: number, over: AbortController): NodeJS.Timeout {
  let leftMs = turnMs;
  return setInterval(() => {
    leftMs -= ACTIVE_EVERY_MS;
    if (leftMs > 0) return;
    void isActive().then((active) => (active ? undefined : over.abort()));
  }, ACTIVE_EVERY_MS);
}

/** What cannot be asked changes nothing: an order of a version that is not the active one is refused by authorise (P2). */
async function areActive(
  { isActive, standIn, log }: BarStreamDependencies,
  runners: readonly StrategyRunner[],
  stream: string,
): Promise<boolean> {
  try {
    const active = await Promise.all(runners.map((runner) => isActive(runner.version)));
    if (active.includes(false)) return false;
    standIn.forget(stream);
  } catch (error) {
    log.warn({ stream, error: error instanceof Error ? error.message : String(error) }, 'the active version could not be asked');
  }
  return true;
}

async function readBars(
  dependencies: BarStreamDependencies,
  { account, intervalMs, runners }: { readonly account: string; readonly intervalMs: number; readonly runners: readonly StrategyRunner[] },
  signal: AbortSignal,
): Promise<void> {
  const { market, log, clock, store, venueOf } = dependencies;
  const instruments = [...new Set(runners.map((runner) => runner.instrument))];
  const feed = new BarFeed(dependencies, account, intervalMs);
  const { reader, streams } = venueOf(account);
  const warmUp = async (instrument: string): Promise<void> => {
    await Promise.all(runners.filter((runner) => runner.instrument === instrument).map((runner) => feed.warmUp(runner)));
  };
  const report = (error: unknown, what: string): void => feed.report(error, what);
  const warmUps = new WarmUps({ account, reader, store, warmUp, clock, report });
  await warmUps.begin(instruments);
  const stopTrying = warmUps.keepTrying();
  try {
    await streams.watchBars(
      { instruments, intervalMs },
      {
        onBar: ({ bar, receivedTime }) => {
          market.seePrice(account, bar.instrument, bar.close, receivedTime);
          for (const runner of runners) if (runner.instrument === bar.instrument) feed.give(runner, bar);
          feed.saveSoon(bar);
        },
        onPrice: (instrument, price, receivedTime) => market.seePrice(account, instrument, price, receivedTime),
        onGap: (reason) => {
          for (const instrument of instruments) market.seeGap(account, instrument, reason);
          log.warn({ account, reason }, 'the bar stream had a gap');
        },
      },
      signal,
    );
  } finally {
    await stopTrying();
  }
  await feed.idle();
}

class BarFeed {
  private readonly dependencies: BarStreamDependencies;
  private readonly account: string;
  private readonly intervalMs: number;
  private readonly queues = new Map<StrategyRunner, Promise<void>>();
  private readonly holes = new Map<string, Promise<readonly Bar[]>>();
  private readonly begun = new Set<StrategyRunner>();
  private readonly past: PastBars;
  /** By instrument and first bar: what was read of a hole until the venue failed. The next try goes on there, or a long hole would never be filled. */
  private readonly readOf = new Map<string, readonly Bar[]>();
  private unsaved: Bar[] = [];
  private saving: Promise<void> = Promise.resolve();

  constructor(dependencies: BarStreamDependencies, account: string, intervalMs: number) {
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
    const before = this.queues.get(runner) ?? Promise.resolve();
    this.queues.set(
      runner,
      before.then(() => this.take(runner, bar)).catch((error: unknown) => this.report(error, `bar ${bar.openTime} of ${bar.instrument}`)),
    );
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
    await Promise.all(this.queues.values());
    await this.past.end();
    this.saveUnsaved();
    await this.saving;
  }

  async warmUp(runner: StrategyRunner): Promise<void> {
    const { bars, venueNameOf, venueOf, clock } = this.dependencies;
    const stored = await bars.lastBars(venueNameOf(this.account), runner.instrument, this.intervalMs, runner.lookbackBars);
    // The whole window is asked for: what is stored may have holes from a time when nobody listened.
    const from = Math.floor(clock() / this.intervalMs - runner.lookbackBars - 1) * this.intervalMs;
    const shown = await venueOf(this.account).reader.bars(runner.instrument, this.intervalMs, from, BARS_A_REQUEST);
    runner.warmUp([...stored, ...shown]);
    this.saveShown(shown);
    this.past.lookBefore(runner.instrument, from);
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
    await runner.onBar(bar);
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
    const { store, venueOf } = this.dependencies;
    const { reader } = venueOf(this.account);
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
    const data = { instrument, from, to, filled };
    this.afterwards('marking a gap', () => store.openIncident({ audit: [{ kind: 'bars.gap', account: this.account, data }] }));
    return shown;
  }

  report(error: unknown, what: string): void {
    this.dependencies.log.warn({ account: this.account, error: error instanceof Error ? error.message : String(error) }, `${what} failed`);
  }
}
