import type { FlattenPolicy } from '../../core/control/mode.js';
import { text } from '../../core/money/index.js';
import { watchLimits } from '../../core/risk/limit-rows.js';
import type { Need } from '../../core/venue/parts.js';
import { needOf } from '../../core/venue/poll-plan.js';
import { WATCH, type WatchSettings } from '../../core/watch/rules.js';
import type { Ages } from '../../core/watch/conditions.js';
import { sampleAccount, type Observation, type Sample } from '../../core/watch/sample.js';
import { isQuiet } from '../../core/watch/quiet.js';
import { nettedOf } from '../../core/watch/unexplained.js';
import { stepOf } from '../../core/watch/stretch.js';
import type { Prices } from '../../core/watch/valuation.js';
import type { HaltPort } from '../ports/halt.js';
import type { LiveMarket } from '../ports/live.js';
import type { MarketStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import type { MissingKill, WatchedInstrument, WatchInputs, WatchStore } from '../ports/watch.js';
import { VenueSight, type VenueSightDependencies } from './venue-sight.js';

export interface WatchedAccount {
  readonly account: string;
  /** As limits name it. */
  readonly venueName: string;
  readonly venue: Venue;
  /** What the account reckons in; undefined: it trades nothing, and goes on with what it has reckoned in. */
  readonly quote: string | undefined;
  /** What it trades. What it holds beside is watched, too. */
  readonly instruments: readonly WatchedInstrument[];
  readonly markMaxAgeMs: number;
  readonly settings: WatchSettings;
}

export interface AccountWatchDependencies {
  readonly store: WatchStore;
  readonly halt: HaltPort;
  /** Carries out the halt of an account in this process, without Temporal; returns when it is verified or `stopping` is aborted. */
  readonly kill: (account: string, missing: MissingKill, stopping: AbortSignal) => Promise<void>;
  readonly bars: Pick<MarketStore, 'saveSnapshot'>;
  readonly live: LiveMarket & VenueSightDependencies['live'];
  /** How many watches of the size that this one of an account may have share what its venue allows. */
  readonly watchersOf: (account: string) => number;
  /** What the watch of an account needs there, its look-ups included. */
  readonly tellNeed: (account: string, need: Need) => void;
  readonly clock: () => number;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Watches what an account is worth, each second, in the guardian's own process: it needs Postgres and the venue, not Temporal.
 * Each sample is a row that says by the database's clock when it was made (P26), and a breach has done what it does before the
 * next sample. Two guardians that watch the same account share its row.
 */
export class AccountWatch {
  private readonly dependencies: AccountWatchDependencies;
  private readonly watched: WatchedAccount;
  private readonly sight: VenueSight;
  private readonly timer: NodeJS.Timeout;
  /** Past when the first sample would be late. */
  private readonly firstIsDue: Promise<void>;
  private current: Promise<void> | undefined;
  private openOrders = 0;
  private killing: Promise<void> | undefined;
  /** Of which halt it was said that it is done here: what is verified is looked at again and again. */
  private saidOf: string | undefined;
  private othersKill = new AbortController();
  private readonly ending = new AbortController();
  private readonly failing = new Set<string>();

  constructor(dependencies: AccountWatchDependencies, watched: WatchedAccount) {
    const { store, live, watchersOf, clock } = dependencies;
    const { account, venue, instruments } = watched;
    const watchers = (): number => watchersOf(account);
    this.dependencies = dependencies;
    this.watched = watched;
    const failed = (error: unknown, what: string): void => this.failed(error, what);
    this.sight = new VenueSight({ account, venue, store, live, instruments, settings: watched.settings, watchers, clock, failed });
    this.timer = setInterval(() => this.tick(), WATCH.sampleMs);
    this.firstIsDue = waitedFor(WATCH.sampleMs);
    this.tick();
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.ending.abort();
    await this.current;
    await this.killing;
    await this.sight.close();
  }

  /** A sample that takes longer than its second delays the next one; none is made up for. */
  private tick(): void {
    this.sight.stayAwake();
    this.current ??= this.sample()
      .then(() => void this.failing.delete(SAMPLE_FAILED))
      .catch((error: unknown) => this.failed(error, SAMPLE_FAILED))
      .finally(() => {
        this.current = undefined;
      });
  }

  private async sample(): Promise<void> {
    const { account, venueName, settings } = this.watched;
    const looking = this.sight.lookIfDue(this.openOrders);
    // The first sample waits for the venue's first answer, or until it would be late; a venue that never answers slows none of the next.
    if (this.sight.readings === undefined) await Promise.race([looking, this.firstIsDue]);
    const inputs = await this.dependencies.store.read(account, this.sight.instruments);
    if (inputs === undefined) return;
    await this.sight.seeBooks(inputs);
    const quote = this.watched.quote ?? inputs.state.pricing?.quote ?? USUAL_QUOTE;
    this.sight.watchAlso(inputs.held.filter((instrument) => instrument.endsWith(`/${quote}`)));
    this.openOrders = inputs.openOrders;
    if (inputs.missingKill !== undefined) this.killHere(inputs.missingKill);
    else this.othersKill.abort();
    // It may have slept in the middle of this sample, too.
    this.sight.stayAwake();
    const prices = this.prices(inputs, quote);
    const told = this.toldAges(inputs, prices);
    const ages = this.ages(told, inputs.now - inputs.comparedTime);
    const isReadingFresh = this.sight.isReadingFresh(this.openOrders);
    const seen = { ...inputs, readings: this.sight.readings, isReadingFresh, prices, ages };
    // As they are at this moment: what people tighten acts with the next sample.
    const { killPolicy, ...losses } = watchLimits(inputs.limitRows, { account, venue: venueName });
    const sample = sampleAccount(account, inputs.state, seen, { ...settings, ...losses });
    this.tellNeed(inputs, sample);
    await this.follow(inputs, seen, sample, told, killPolicy);
  }

  private tellNeed({ openOrders, held, missingKill }: WatchInputs, sample: Sample): void {
    const { account, venue } = this.watched;
    const isAtRest = isQuiet({ openOrders, held, missingKill }, sample, this.sight.readings);
    this.dependencies.tellNeed(account, needOf(venue.profile, openOrders, this.sight.instruments.length, isAtRest));
  }

  /**
   * No kill workflow carries out a halt: Temporal may be away. Until one does, or none stands any more. Both at once do no harm, what sells
   * holds the lease (P26, P27).
   */
  private killHere(missing: MissingKill): void {
    const { kill, log } = this.dependencies;
    const { account } = this.watched;
    if (this.killing !== undefined || this.ending.signal.aborted) return;
    if (this.saidOf !== missing.of) log.warn({ account }, 'no kill workflow carries out the halt of the account: it is done here');
    this.saidOf = missing.of;
    this.othersKill = new AbortController();
    this.killing = kill(account, missing, AbortSignal.any([this.ending.signal, this.othersKill.signal]))
      .catch((error: unknown) => this.failed(error, KILL_FAILED))
      .finally(() => {
        this.killing = undefined;
      });
  }

  /** What follows from a sample: the halt first (P25), then the row with everything else, in one statement. */
  private async follow(inputs: WatchInputs, { prices }: Observation, sample: Sample, told: ToldAges, policy: FlattenPolicy): Promise<void> {
    const { store, halt, bars } = this.dependencies;
    const { account } = this.watched;
    const { quote } = prices;
    let { state } = sample;
    if (sample.kill !== undefined) {
      const cause = { subject: 'watch', underKey: null, reason: sample.kill, policy };
      state = { ...state, latchId: (await halt.latch({ scope: 'account', scopeValue: account }, cause)).latchId };
    }
    const { equity, figures, valuation, mode, outage, alerts } = sample;
    const exposure = valuation && text(valuation.exposure);
    const audit = auditOf(inputs, sample, quote);
    const details = this.details(inputs, prices, told, sample);
    const written = await store.write({
      ...{ account, version: inputs.version, quote, state, equity, figures, exposure, details, mode, outage, audit, alerts },
      ...{ decidedTime: inputs.now, booking: inputs.booking, ledger: inputs.ledger, step: stepOf(inputs.state, sample) },
    });
    const balances = written && equity !== undefined ? this.sight.takeBalances() : undefined;
    if (balances === undefined || equity === undefined) return;
    const marks = Object.fromEntries(Object.entries(prices.marks).map(([instrument, { price }]) => [instrument, price]));
    await bars.saveSnapshot({ account, equity, quote, balances, marks });
  }

  private prices({ closes }: WatchInputs, quote: string): Prices {
    const { markMaxAgeMs, settings } = this.watched;
    const marks = this.sight.marks(closes);
    return {
      ...{ quote, marks, markMaxAgeMs, unmarkedPrices: settings.unmarkedPrices },
      instruments: this.sight.instruments.map(({ instrument }) => instrument),
    };
  }

  /**
   * What another guardian still reaches is reached: one that is cut off alone stops nobody. Only what somebody was answered is told on: that
   * one has stood still, or has just begun, says nothing of the venue to the others.
   */
  private toldAges({ now, lastTime = now, seenAges }: WatchInputs, { marks }: Prices): ToldAges {
    const youngest = (own: number | undefined, seen: number | null | undefined): number | null => {
      const known = [own, typeof seen === 'number' ? seen + Math.max(0, now - lastTime) : undefined].filter((age) => age !== undefined);
      return known.length === 0 ? null : Math.min(...known);
    };
    return {
      venueMs: youngest(this.sight.answeredMs, seenAges?.venueMs),
      marketDataMs: youngest(this.sight.pricedMs(marks), seenAges?.marketDataMs),
    };
  }

  /** What this one judges by: as far back as it has looked. */
  private ages({ venueMs, marketDataMs }: ToldAges, comparedMs: number): Ages {
    const { instruments, lookingMs, marketDataLimitMs } = this.sight;
    const sinceLooking = (age: number | null): number => (age === null ? lookingMs : Math.min(age, lookingMs));
    // Who trades and holds nothing misses no prices.
    const isPriced = instruments.length > 0;
    const priced = isPriced ? sinceLooking(marketDataMs) : 0;
    return { venueMs: sinceLooking(venueMs), marketDataMs: priced, marketDataLimitMs, comparedMs };
  }

  private details(
    { openOrders, booked }: WatchInputs,
    { marks }: Prices,
    { venueMs, marketDataMs }: ToldAges,
    { valuation, state }: Sample,
  ): object {
    const { account } = this.watched;
    const { unexplained, external } = state;
    const netted = unexplained === undefined ? {} : nettedOf(unexplained, booked, external ?? {});
    return {
      openOrders,
      clockSkewMs: this.dependencies.live.clockSkewMs(account) ?? null,
      ages: { venueMs, marketDataMs },
      balancesMs: this.sight.readingAgeMs ?? null,
      pricesMs: Object.fromEntries(Object.entries(marks).map(([instrument, { ageMs }]) => [instrument, ageMs])),
      unmarked: valuation?.unmarked ?? [],
      withoutMark: valuation?.unknown ?? [],
      unexplained: Object.entries(unexplained?.assets ?? {}).map(([asset, { quantity, worth }]) => ({
        ...{ asset, quantity, worth },
        ...(netted[asset] === undefined ? {} : { netted: netted[asset] }),
      })),
    };
  }

  /** Told once, until it works again: it would be told each second. */
  private failed(error: unknown, what: string): void {
    if (this.failing.has(what)) return;
    this.failing.add(what);
    const detail = error instanceof Error ? error.message : String(error);
    this.dependencies.log.warn({ account: this.watched.account, error: detail }, `account watch: ${what}; it is tried again`);
  }
}

type ToldAges = NonNullable<WatchInputs['seenAges']>;

const USUAL_QUOTE = 'USDT';
const SAMPLE_FAILED = 'a sample failed';
const KILL_FAILED = 'a kill without Temporal failed';

function auditOf({ state }: WatchInputs, sample: Sample, quote: string): { kind: string; data: object }[] {
  const { performance, external } = sample.state;
  const events: { kind: string; data: object }[] = [];
  if (sample.flow !== '0') events.push({ kind: 'watch.flow', data: { amount: sample.flow, quote, external } });
  if (sample.lost !== undefined) {
    events.push({ kind: 'watch.lost', data: { amount: text(sample.lost.worth), quote, peak: performance?.peak } });
  }
  if (sample.repriced !== undefined) {
    const { quotes, assets, flow } = sample.repriced;
    events.push({ kind: 'watch.repriced', data: { quote, was: quotes.was, assets, amount: text(flow), peak: performance?.peak } });
  }
  if (sample.wasRebased) events.push({ kind: 'watch.rebased', data: { peak: performance?.peak, quote } });
  if (performance !== undefined && performance.day !== state.performance?.day) {
    events.push({
      kind: 'watch.dayOpened',
      data: { day: performance.day, opening: performance.dayOpening, peak: performance.peak, quote },
    });
  }
  return events;
}

function waitedFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
