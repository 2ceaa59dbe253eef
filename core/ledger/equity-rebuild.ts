import { figuresOf, type KeptDay, type Performance } from '../watch/performance.js';
import { settle } from '../watch/carried.js';
import { performanceAfter, type Step } from '../watch/stretch.js';
import type { Quantities } from '../watch/valuation.js';
import { amountOf, amountsOf, decimal, maximum, minimum, text, ZERO, type Decimal, type DecimalText } from '../money/index.js';
import type { Difference } from './rebuild.js';

export const POINTS = ['opening', 'highest', 'lowest', 'closing'] as const;
export type Point = (typeof POINTS)[number];
/** Of a performance, what is kept with each stretch of the series. */
export type Remembered = Omit<Performance, 'equity'>;
const REMEMBERED = ['peak', 'dayOpening', 'dayFlows', 'dayBasis'] as const;

/** What the venue held beside our ledger, from a sample on. */
export interface Outside {
  readonly outsideId: string;
  readonly booking: number;
  readonly outside: Quantities;
  /** Our ledger as it was kept then: what it was measured against. */
  readonly ledger: Quantities;
}

/** A stretch of the series as it is stored. */
export interface StoredStretch {
  readonly stretchId: string;
  /** Its minute, epoch ms. */
  readonly time: number;
  readonly quote: string;
  readonly step: Step;
  readonly outsideId: string;
  readonly remembered: Remembered;
  /** What was worth how much, after which fill, at which prices. */
  readonly points: Readonly<Record<Point, { readonly stored: DecimalText; readonly booking: number; readonly prices: Quantities }>>;
}

/** A stretch that is stored otherwise, as it follows. */
export interface RebuiltStretch {
  readonly stretchId: string;
  readonly step: Step;
  readonly points: Readonly<Record<Point, DecimalText>>;
  readonly remembered: Remembered;
}

/** The newest sample, as far as it follows from the series. */
export interface Newest {
  readonly performance: Performance;
  /** Null: the equity was not known at it. */
  readonly figures: Readonly<Record<'dailyPnl' | 'dailyLossRatio' | 'drawdownRatio', DecimalText>> | null;
}

/**
 * Reckons the equity series anew: what our ledger's entries come to after the fill that a point knew last, with what the venue held beside it, at
 * the prices that are noted with it; and from the points peak, day and what was lost of them. Fed in the order in which it was written. Pure.
 */
export class EquityRebuild {
  readonly #found: Difference[] = [];
  readonly #outsides = new Map<string, { readonly outside: Quantities; readonly isRight: boolean }>();
  readonly #changedOutsides: Outside[] = [];
  readonly #changed: RebuiltStretch[] = [];
  readonly #wrong = new Map<string, Run>();
  /** By day, as it was left last. */
  readonly #days = new Map<number, KeptDay & { readonly quote: string }>();
  #performance: Performance | undefined;
  #lastOutside: string | undefined;
  #last: StoredStretch | undefined;
  #points = 0;

  /** @param ledger what was there at the onboarding, and our own fills up to its booking; undefined where it is not known any more. */
  addOutside({ outsideId, booking, outside, ledger: kept }: Outside, ledger: Quantities | undefined): void {
    if (ledger === undefined) {
      this.#found.push({ what: 'outside', of: `beside the ledger, ${outsideId}`, stored: `after booking ${booking}`, rebuilt: NOT_KNOWN });
      return;
    }
    const wrong = [...new Set([...Object.keys(kept), ...Object.keys(ledger)])]
      .sort()
      .filter((asset) => !amountOf(kept, asset).eq(amountOf(ledger, asset)));
    const isRight = wrong.length === 0;
    const rebuilt = isRight ? outside : sumOf(outside, kept, negated(ledger));
    this.#outsides.set(outsideId, { outside: rebuilt, isRight });
    if (isRight) return;
    for (const asset of wrong) {
      const of = `beside the ledger, ${outsideId} ${asset}`;
      const [stored, follows] = [amountOf(outside, asset), amountOf(rebuilt, asset)].map(text);
      this.#found.push({ what: 'outside', of, stored: stored ?? '', rebuilt: follows ?? '' });
    }
    this.#changedOutsides.push({ outsideId, booking, outside: rebuilt, ledger });
  }

  /** After a stretch that is not reckoned anew: what is stored of it is the begin. */
  begin(remembered: Remembered | null, closing: DecimalText, outsideId: string | null): void {
    this.#performance = remembered === null ? undefined : { ...remembered, equity: closing };
    this.#lastOutside = outsideId ?? undefined;
    this.#last = undefined;
  }

  /** @param ledger our ledger after the fill of each point; undefined where it is not known any more. */
  addStretch(stretch: StoredStretch, ledger: Readonly<Record<Point, Quantities | undefined>>): void {
    const { outsideId, quote, points, step, remembered } = stretch;
    const beside = this.#outsides.get(outsideId);
    const worth = (point: Point): Decimal | undefined => {
      const [held, { prices }] = [ledger[point], points[point]];
      return held && beside && worthOf(sumOf(held, beside.outside), prices, quote);
    };
    const reckoned = Object.fromEntries(POINTS.map((point) => [point, worth(point)])) as Record<Point, Decimal | undefined>;
    const { opening, closing } = reckoned;
    const [first, ...others] = POINTS.flatMap((point) => reckoned[point] ?? []);
    const isKnown = first !== undefined && others.length + 1 === POINTS.length;
    // What was the highest as it was stored need not be it as it follows.
    const [highest, lowest] = isKnown ? [maximum(first, ...others), minimum(first, ...others)] : [undefined, undefined];
    const rebuilt = { opening, highest, lowest, closing };
    const follows = { ...valuesOf(points) };
    let isChanged = false;
    for (const point of POINTS) {
      this.#points += 1;
      const is = rebuilt[point];
      if (is?.eq(decimal(points[point].stored)) === true) continue;
      const of = `${new Date(stretch.time).toISOString()} ${point} (${stretch.stretchId})`;
      this.#found.push({ what: 'equity', of, stored: points[point].stored, rebuilt: is === undefined ? NOT_KNOWN : text(is) });
      if (is === undefined) continue;
      follows[point] = text(is);
      isChanged = true;
    }
    const { flow = '0', ...rest } = step;
    const flowed = this.#flowOf(stretch) ?? flow;
    const followed: Step = flowed === '0' ? rest : { ...rest, flow: flowed };
    const kept = this.#days.get(remembered.day);
    const today = kept?.quote === quote ? kept : undefined;
    const performance = performanceAfter(this.#performance, { step: followed, day: remembered.day, ...follows }, today);
    // The first one that is looked at, with nothing known before it, is the begin itself.
    this.#performance = this.#performance === undefined && step.isFirst !== true ? { ...remembered, equity: follows.closing } : performance;
    this.#days.set(this.#performance.day, { ...this.#performance, quote });
    const { equity: _, ...now } = this.#performance;
    const wrong = REMEMBERED.filter((name) => !decimal(now[name]).eq(decimal(remembered[name])));
    for (const name of REMEMBERED) this.#note(name, stretch.time, wrong.includes(name) ? [remembered[name], now[name]] : undefined);
    if (isChanged || wrong.length > 0 || flowed !== flow) {
      this.#changed.push({ stretchId: stretch.stretchId, step: followed, points: follows, remembered: now });
    }
    this.#last = stretch;
    this.#lastOutside = outsideId;
  }

  /** What a deposit or withdrawal came to, where what the venue held beside our ledger was measured wrong; undefined: what is noted of it counts. */
  #flowOf({ outsideId, quote, points }: StoredStretch): DecimalText | undefined {
    const [was, is] = [this.#lastOutside === undefined ? undefined : this.#outsides.get(this.#lastOutside), this.#outsides.get(outsideId)];
    if (was === undefined || is === undefined || was === is || (was.isRight && is.isRight)) return undefined;
    const unmarkedPrices = { ...this.#last?.points.closing.prices, ...points.opening.prices };
    const prices = { quote, instruments: [], marks: {}, markMaxAgeMs: 0, unmarkedPrices };
    return text(settle(was.outside, { last: is.outside, before: is.outside }, prices)?.flow ?? ZERO);
  }

  /** One that is wrong from a stretch on is told once, with the time over which it is. */
  #note(name: string, time: number, wrong: readonly [DecimalText, DecimalText] | undefined): void {
    const run = this.#wrong.get(name);
    if (wrong === undefined) {
      if (run !== undefined) this.#tell(name, run);
      this.#wrong.delete(name);
      return;
    }
    this.#wrong.set(name, { from: run?.from ?? time, until: time, values: run?.values ?? wrong });
  }

  #tell(name: string, { from, until, values: [stored, rebuilt] }: Run): void {
    this.#found.push({
      what: 'performance',
      of: `${name} ${new Date(from).toISOString()} to ${new Date(until).toISOString()}`,
      stored,
      rebuilt,
    });
  }

  get points(): number {
    return this.#points;
  }

  get changed(): { readonly outsides: readonly Outside[]; readonly stretches: readonly RebuiltStretch[] } {
    return { outsides: this.#changedOutsides, stretches: this.#changed };
  }

  /** What follows from the last stretch; undefined: there is none. */
  get newest(): (Newest & { readonly figures: NonNullable<Newest['figures']> }) | undefined {
    const performance = this.#performance;
    if (performance === undefined) return undefined;
    const { dailyPnl, dailyLossRatio, drawdownRatio } = figuresOf(performance);
    return { performance, figures: { dailyPnl, dailyLossRatio: ratio(dailyLossRatio), drawdownRatio: ratio(drawdownRatio) } };
  }

  /** @param newest the newest sample as it is stored, together with the last stretch; undefined: not to be compared. */
  differences(newest: Newest | undefined): readonly Difference[] {
    for (const [name, run] of this.#wrong) this.#tell(name, run);
    this.#wrong.clear();
    const follows = this.newest;
    if (newest === undefined || follows === undefined) return this.#found;
    const compared = [
      ...(['equity', ...REMEMBERED] as const).map((name) => [name, newest.performance[name], follows.performance[name]] as const),
      ...(newest.figures === null ? [] : FIGURES.map((name) => [name, newest.figures?.[name] ?? '', follows.figures[name]] as const)),
    ];
    const wrong = compared.filter(([, stored, rebuilt]) => stored === '' || !decimal(stored).eq(decimal(rebuilt)));
    return [...this.#found, ...wrong.map(([name, stored, rebuilt]) => ({ what: 'watch' as const, of: name, stored, rebuilt }))];
  }
}

interface Run {
  readonly from: number;
  readonly until: number;
  readonly values: readonly [DecimalText, DecimalText];
}

const FIGURES = ['dailyPnl', 'dailyLossRatio', 'drawdownRatio'] as const;
/** A share of an equity may have no end of digits. */
export const RATIO_PLACES = 30;
/** What of a difference nobody can say any more. */
export const NOT_KNOWN = 'not known';
const ratio = (value: Decimal): DecimalText => text(value.toDecimalPlaces(RATIO_PLACES));

function valuesOf(points: StoredStretch['points']): Record<Point, DecimalText> {
  return Object.fromEntries(POINTS.map((point) => [point, points[point].stored])) as Record<Point, DecimalText>;
}

function sumOf(...parts: readonly Quantities[]): Quantities {
  const assets = [...new Set(parts.flatMap((part) => Object.keys(part)))];
  const sums = assets.map((asset) => [asset, parts.reduce((so, part) => so.plus(amountOf(part, asset)), ZERO)] as const);
  return amountsOf(sums.filter(([, sum]) => !sum.isZero()));
}

const negated = (amounts: Quantities): Quantities =>
  amountsOf(Object.keys(amounts).map((asset) => [asset, amountOf(amounts, asset).neg()]));

/** Undefined: of something that is held no price is noted. */
function worthOf(quantities: Quantities, prices: Quantities, quote: string): Decimal | undefined {
  let worth: Decimal = ZERO;
  for (const asset of Object.keys(quantities)) {
    if (asset !== quote && !Object.hasOwn(prices, asset)) return undefined;
    worth = worth.plus(amountOf(quantities, asset).mul(asset === quote ? 1 : amountOf(prices, asset)));
  }
  return worth;
}
