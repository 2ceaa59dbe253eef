import type { Amounts, DecimalText } from '../../core/money/index.js';
import { heldOf } from '../../core/venue/held.js';
import { differenceOf, isAsFilled, isAsKnown, type Readings } from '../../core/watch/carried.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { WATCH, type WatchSettings } from '../../core/watch/rules.js';
import type { Mark } from '../../core/watch/valuation.js';
import { pollPlan, scantSnapshotMs } from '../../core/venue/poll-plan.js';
import { isShort } from '../../core/venue/weight.js';
import type { LiveMarket } from '../ports/live.js';
import type { SeenAt, Venue } from '../ports/venue.js';
import type { WatchedInstrument, WatchInputs, WatchStore } from '../ports/watch.js';

/** Of what no strategy trades any more. */
const USUAL_BAR_MS = 60_000;
/** After a reading of balances that failed, and so often one behind the other. */
const READ_AGAIN_MS = 5_000;
const READ_AGAIN_TIMES = 3;
/** From one look to the next; later is not awake. */
const MOST_AWAKE_MS = 2 * WATCH.sampleMs;

export interface VenueSightDependencies {
  readonly account: string;
  readonly venue: Venue;
  readonly store: Pick<WatchStore, 'read' | 'fillsBetween'>;
  readonly live: LiveMarket & {
    seePrice(account: string, instrument: string, price: DecimalText, seen: SeenAt): void;
    clockReadTime(account: string): number | undefined;
  };
  /** What the account trades. */
  readonly instruments: readonly WatchedInstrument[];
  readonly settings: Pick<WatchSettings, 'noMarketDataMs'>;
  /** How many watches of the size that this one may have share what the venue allows. */
  readonly watchers: () => number;
  readonly clock: () => number;
  readonly failed: (error: unknown, what: string) => void;
}

/** Books as they were at a time of this process. */
interface BooksAt {
  readonly booking: string;
  readonly ledger: Amounts;
  readonly time: number;
}

/**
 * What the watch sees of an account's venue: balances, as often as its share of the venue's budget allows, and prices over a
 * stream of its own. Nothing here waits for the venue but what asks it, so that one that hangs delays no sample.
 */
export class VenueSight {
  private readonly dependencies: VenueSightDependencies;
  /** Since when this process looks without having stood still. */
  private begun: number;
  private awakeTime: number;
  private readonly ending = new AbortController();
  /** Readings that failed, one behind the other. */
  private failures = 0;
  private reading: Promise<void> | undefined;
  private askedTime: number | undefined;
  private readTime: number | undefined;
  /** When the last reading was last as young as the plan of then would have it. */
  private inTimeAt: number | undefined;
  private differences: Readings | undefined;
  /** As a sample saw them last. */
  private books: BooksAt | undefined;
  /** The last reading, where it differs and the venue may have made fills by then that are not booked yet. */
  private differing: { readonly balances: Amounts; readonly since: BooksAt } | undefined;
  /** What the last reading showed, until somebody has taken it. */
  private balances: Amounts | undefined;
  /** Of what is traded, and of each that is held beside it. */
  private readonly streams: Promise<void>[];
  private held: readonly WatchedInstrument[] = [];
  private readonly followed = new Set<string>();

  constructor(dependencies: VenueSightDependencies) {
    this.dependencies = dependencies;
    this.begun = dependencies.clock();
    this.awakeTime = this.begun;
    this.streams = [this.followPrices(dependencies.instruments)];
  }

  /**
   * To be called each second, and before ages are asked for. Who has stood still, as on a machine that slept, has not asked the venue meanwhile: it is not away for
   * all that time, but since the waking at the most. Who stands still for a moment again and again, as on a machine that has too much to do, gets to no answer by its
   * own fault: those moments do not count either.
   */
  stayAwake(): void {
    const now = this.dependencies.clock();
    const goneMs = Math.abs(now - this.awakeTime);
    if (goneMs > PROTOCOL.watchSilentMs) this.begun = now;
    else if (goneMs > MOST_AWAKE_MS) this.begun = Math.min(now, this.begun + goneMs - WATCH.sampleMs);
    this.awakeTime = now;
  }

  /** Begins a reading of balances when one is due. @returns when it has ended, for whoever wants to wait. */
  lookIfDue(openOrders: number): Promise<void> {
    const { clock } = this.dependencies;
    const now = clock();
    const readingMs = this.readingMs(openOrders);
    const isDue = this.askedTime === undefined || now < this.askedTime || now - this.askedTime >= this.untilAskedMs(readingMs);
    if (this.readTime !== undefined && this.since(this.readTime) <= readingMs) this.inTimeAt = now;
    if (this.reading === undefined && isDue) {
      this.askedTime = now;
      this.reading = this.look().finally(() => {
        this.reading = undefined;
      });
    }
    return this.reading ?? Promise.resolve();
  }

  /** What is traded, and what is held beside it: both have marks. */
  get instruments(): readonly WatchedInstrument[] {
    return [...this.dependencies.instruments, ...this.held];
  }

  /** What is held, whatever the configuration says. One that cannot be followed leaves the others their prices. */
  watchAlso(held: readonly string[]): void {
    const { instruments } = this.dependencies;
    const intervalMs = Math.min(USUAL_BAR_MS, ...instruments.map((one) => one.intervalMs));
    this.held = held
      .filter((instrument) => instruments.every((one) => one.instrument !== instrument))
      .map((instrument) => ({ instrument, intervalMs }));
    for (const one of this.held) {
      if (this.followed.has(one.instrument)) continue;
      this.followed.add(one.instrument);
      this.streams.push(this.followPrices([one]));
    }
  }

  /**
   * To be called with each sample's books. A fill that the venue had made when it was asked for its balances may be booked only now: with it
   * the last reading is explained.
   */
  async seeBooks(inputs: WatchInputs): Promise<void> {
    this.books = { booking: inputs.booking, ledger: inputs.ledger, time: this.dependencies.clock() };
    const { differing } = this;
    if (differing === undefined || !(await this.isFilled(differing.balances, differing.since, inputs))) return;
    // Another reading has come meanwhile.
    if (this.differing !== differing || this.differences === undefined) return;
    this.differing = undefined;
    this.differences = { ...this.differences, last: inputs.state.external ?? {} };
  }

  get readings(): Readings | undefined {
    return this.differences;
  }

  /** Undefined before the first reading. */
  get readingAgeMs(): number | undefined {
    return this.readTime === undefined ? undefined : this.since(this.readTime);
  }

  /** A plan that has just become quicker leaves as much time to follow it as one that stands. */
  isReadingFresh(openOrders: number): boolean {
    const ageMs = this.readingAgeMs;
    if (ageMs === undefined) return false;
    const isJustDue = this.inTimeAt !== undefined && this.since(this.inTimeAt) <= WATCH.readingGraceMs;
    return isJustDue || ageMs <= this.readingMs(openOrders) + WATCH.readingGraceMs;
  }

  /** What a reading showed that nobody has taken yet. */
  takeBalances(): Amounts | undefined {
    const { balances } = this;
    this.balances = undefined;
    return balances;
  }

  /** The younger of the price that the own stream showed last and the close of the newest stored bar. */
  marks(closes: WatchInputs['closes']): Readonly<Record<string, Mark>> {
    const { account, live } = this.dependencies;
    const marks: Record<string, Mark> = {};
    for (const { instrument } of this.instruments) {
      const streamed = live.view(account, instrument).price;
      const stored = closes[instrument];
      const closed = stored && { price: stored.price, ageMs: live.venueNow(account) - stored.closeTime };
      const mark =
        streamed === undefined || (closed !== undefined && Math.abs(closed.ageMs) < Math.abs(streamed.ageMs)) ? closed : streamed;
      if (mark !== undefined) marks[instrument] = mark;
    }
    return marks;
  }

  /** Since this process looks without having stood still: nothing counts as away for longer. */
  get lookingMs(): number {
    return this.since(this.begun);
  }

  /** Since the venue answered this process anything; undefined: it never has. */
  get answeredMs(): number | undefined {
    const { account, live } = this.dependencies;
    const time = Math.max(this.readTime ?? 0, live.clockReadTime(account) ?? 0);
    return time === 0 ? undefined : this.since(time);
  }

  /** Since the youngest price; undefined: there is none. */
  pricedMs(marks: Readonly<Record<string, Mark>>): number | undefined {
    const ages = Object.values(marks).map(({ ageMs }) => Math.max(0, ageMs));
    return ages.length === 0 ? undefined : Math.min(...ages);
  }

  /** Prices that come with the bars only are no older for it. */
  get marketDataLimitMs(): number {
    const { venue, instruments, settings } = this.dependencies;
    if (venue.profile.streams.bars) return settings.noMarketDataMs;
    return Math.max(settings.noMarketDataMs, ...instruments.map(({ intervalMs }) => 2 * intervalMs));
  }

  async close(): Promise<void> {
    this.ending.abort();
    // A reading that the venue does not answer is nobody's to wait for.
    await Promise.all(this.streams);
  }

  private since(time: number): number {
    return Math.abs(this.dependencies.clock() - time);
  }

  private get isAddressShort(): boolean {
    const { venue } = this.dependencies;
    return isShort(venue.weight(), venue.profile.readWeights.balances);
  }

  private readingMs(openOrders: number): number {
    const { venue, instruments, watchers } = this.dependencies;
    const sharers = watchers();
    const { snapshotMs } = pollPlan(venue.profile, openOrders, instruments.length, sharers);
    return this.isAddressShort ? Math.max(snapshotMs, scantSnapshotMs(venue.profile, sharers)) : snapshotMs;
  }

  /**
   * One reading that fails is asked for again soon: at a pace of half a minute the equity would be unknown for longer than an account trades without it.
   * A venue that answers none of several is asked as it is planned, and so is an address that is short.
   */
  private untilAskedMs(readingMs: number): number {
    if (this.failures === 0 || this.failures > READ_AGAIN_TIMES || this.isAddressShort) return readingMs;
    return Math.min(readingMs, READ_AGAIN_MS);
  }

  private async look(): Promise<void> {
    const { account, venue, store, clock, failed } = this.dependencies;
    // What the venue shows from here on has all that these have.
    const since = this.books;
    try {
      const balances = heldOf(await venue.reader.balances());
      if (this.ending.signal.aborted) return;
      this.readTime = clock();
      this.failures = 0;
      // Read after the venue's answer: what it shows had the time to be booked.
      const inputs = await store.read(account, this.instruments);
      if (inputs === undefined) return;
      const { last: before, before: earlier } = this.differences ?? {};
      const last = differenceOf(balances, inputs.ledger);
      const isExplained = since !== undefined && (await this.isFilled(balances, since, inputs));
      // One that shows what is known but for the latest fills shows those that were booked before it was asked for.
      const { ledger } = isExplained ? since : inputs;
      this.differences = { last: isExplained ? (inputs.state.external ?? last) : last, before, earlier, ledger };
      this.differing = since === undefined || isExplained ? undefined : { balances, since };
      this.balances = balances;
    } catch (error) {
      this.failures += 1;
      if (!this.ending.signal.aborted) failed(error, 'the balances could not be read');
    }
    await this.askPrices();
  }

  /**
   * Whether balances are what is known, but for fills that were booked between the books of before the venue was asked and these. An account
   * that always trades would else never show what is known. Who has stood still meanwhile does not know when the venue answered.
   */
  private async isFilled(balances: Amounts, since: BooksAt, { booking, ledger, state }: WatchInputs): Promise<boolean> {
    const { account, store } = this.dependencies;
    if (state.external === undefined || this.since(since.time) > PROTOCOL.watchSilentMs) return false;
    if (isAsKnown(state.external, { last: differenceOf(balances, ledger), before: undefined })) return true;
    if (booking === since.booking) return false;
    return isAsFilled(state.external, balances, ledger, await store.fillsBetween(account, since.booking, booking));
  }

  /** Nobody stores bars of what no strategy trades: where none are streamed its price is asked for, beside the balances. */
  private async askPrices(): Promise<void> {
    const { account, venue, live, clock, failed } = this.dependencies;
    if (venue.profile.streams.bars) return;
    for (const { instrument } of this.held) {
      if (this.ending.signal.aborted) return;
      try {
        live.seePrice(account, instrument, await venue.reader.lastPrice(instrument), { seenTime: clock() });
      } catch (error) {
        if (!this.ending.signal.aborted) failed(error, `the price of ${instrument} could not be read`);
      }
    }
  }

  /** Of a venue whose bars are not streamed the stored ones tell the prices: asking for them twice would cost twice. */
  private async followPrices(instruments: readonly WatchedInstrument[]): Promise<void> {
    const { account, venue, live, failed } = this.dependencies;
    const [first, ...further] = instruments;
    if (first === undefined || !venue.profile.streams.bars) return;
    const intervalMs = Math.min(first.intervalMs, ...further.map((one) => one.intervalMs));
    const names = [...new Set(instruments.map(({ instrument }) => instrument))];
    const handlers = {
      onBar: () => undefined,
      onGap: () => undefined,
      onPrice: (instrument: string, price: DecimalText, seen: SeenAt) => live.seePrice(account, instrument, price, seen),
    };
    try {
      await venue.streams.watchBars({ instruments: names, intervalMs }, handlers, this.ending.signal);
    } catch (error) {
      if (!this.ending.signal.aborted) failed(error, 'the prices could not be followed');
    }
  }
}
