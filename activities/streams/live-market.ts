import type { TopOfBook } from '../../core/ledger/mid.js';
import type { DecimalText } from '../../core/money/index.js';
import type { LiveView } from '../../core/risk/view.js';
import type { LiveMarket } from '../ports/live.js';
import type { ClockReading, SeenAt } from '../ports/venue.js';

/** A reading's error is at most half its round trip; a process that was stopped meanwhile has learned nothing. */
const ROUND_TRIP_LIMIT_MS = 1_000;
/** Clocks drift and are set: for entries, what was measured so long ago is not known any more. */
const READING_LIMIT_MS = 60_000;

/** What was read of a venue's clock, and how it stood to a clock that nobody sets, where that was read too. */
type Skew = Pick<ClockReading, 'skewMs' | 'roundTripMs'> & Partial<Pick<ClockReading, 'aheadOfMonotonicMs'>>;

/**
 * Last prices and the venue's clock, as this process sees them. Each account has its own: two venues list the same
 * instrument at other prices and have other clocks. What was never seen is absent, and entries wait for it.
 */
export class StreamedMarket implements LiveMarket {
  private readonly prices = new Map<string, SeenAt & { readonly price: DecimalText }>();
  private readonly books = new Map<string, TopOfBook & { readonly receivedTime: number }>();
  private readonly skews = new Map<string, Skew & { readonly measuredTime: number }>();
  private readonly gaps = new Map<string, string>();
  private readonly clock: () => number;
  private readonly monotonic: () => number;

  /** @param monotonic the one that readings were taken by beside `clock` */
  constructor(clock: () => number, monotonic: () => number = () => performance.now()) {
    this.clock = clock;
    this.monotonic = monotonic;
  }

  seePrice(account: string, instrument: string, price: DecimalText, seen: SeenAt): void {
    this.prices.set(keyOf(account, instrument), { price, ...seen });
    this.gaps.delete(keyOf(account, instrument));
  }

  seeBook(account: string, instrument: string, { bid, ask }: TopOfBook, receivedTime: number): void {
    this.books.set(keyOf(account, instrument), { bid, ask, receivedTime });
  }

  /** The instrument's stream is interrupted: what it says next ends that. */
  seeGap(account: string, instrument: string, reason: string): void {
    this.gaps.set(keyOf(account, instrument), reason);
  }

  /**
   * A reading that took too long leaves the last one standing, but for what is sure: where there is none, or none so close, it is the best
   * that is known, and where not both can be true a clock was set meanwhile. Exits and stops are signed with it; entries wait for a close one.
   */
  seeClock(account: string, reading: Skew): void {
    const { skewMs, roundTripMs } = reading;
    const standing = this.skews.get(account);
    if (roundTripMs > ROUND_TRIP_LIMIT_MS && standing !== undefined && standing.roundTripMs <= roundTripMs) {
      const canBothBeTrue = 2 * Math.abs(skewMs - standing.skewMs) <= roundTripMs + standing.roundTripMs;
      if (canBothBeTrue) return;
    }
    this.skews.set(account, { ...reading, measuredTime: this.clock() });
  }

  /** When the venue's clock was read last, by ours; undefined until it was. */
  clockReadTime(account: string): number | undefined {
    return this.skews.get(account)?.measuredTime;
  }

  venueNow(account: string): number {
    return Math.max(...this.venueTimes(account));
  }

  signingTime(account: string): number {
    return Math.min(...this.venueTimes(account));
  }

  /**
   * What the venue's time can be: by our clock, and by what has passed since its clock was read. They differ where ours was set, or the machine
   * slept, which the other clock may not count; which of them is right is known by the next reading.
   */
  private venueTimes(account: string): readonly number[] {
    const { skewMs = 0, aheadOfMonotonicMs } = this.skews.get(account) ?? {};
    const byOurs = this.clock() + Math.round(skewMs);
    return aheadOfMonotonicMs === undefined ? [byOurs] : [byOurs, Math.round(this.monotonic() + aheadOfMonotonicMs)];
  }

  clockSkewMs(account: string): number | undefined {
    return this.skews.get(account)?.skewMs;
  }

  clockRoundTripMs(account: string): number | undefined {
    return this.skews.get(account)?.roundTripMs;
  }

  view(account: string, instrument: string): LiveView {
    const now = this.clock();
    const last = this.prices.get(keyOf(account, instrument));
    const book = this.books.get(keyOf(account, instrument));
    const gap = this.gaps.get(keyOf(account, instrument));
    const skew = this.skews.get(account);
    const isClose = skew !== undefined && skew.roundTripMs <= ROUND_TRIP_LIMIT_MS;
    const isKnown = isClose && Math.abs(now - skew.measuredTime) <= READING_LIMIT_MS;
    return {
      now: this.venueNow(account),
      ...(last === undefined
        ? {}
        : { price: { price: last.price, ageMs: now - last.seenTime, ...(last.lateMs === undefined ? {} : { lateMs: last.lateMs }) } }),
      ...(book === undefined ? {} : { book: { bid: book.bid, ask: book.ask, ageMs: now - book.receivedTime } }),
      ...(gap === undefined ? {} : { streamGap: gap }),
      ...(isKnown ? { clockSkewMs: skew.skewMs } : {}),
    };
  }
}

function keyOf(account: string, instrument: string): string {
  return `${account} ${instrument}`;
}
