import { amountOf, amountsOf, Decimal, decimal, maximum, minimum, text, ZERO, ZERO_TEXT, type DecimalText } from '../money/index.js';
import { carriedForward, differenceOf, type Readings, type Settled } from './carried.js';
import { dayOf, type Figures, type Performance } from './performance.js';
import {
  besideBooks,
  common,
  coveredOf,
  goneOf,
  lacking,
  less,
  openOf,
  partOf,
  rounded,
  worthOf,
  type Booked,
  type Gone,
  type Unexplained,
} from './gone.js';
import { laterBy, lateFills, NONE_LATE, withLate } from './late.js';
import { WATCH } from './rules.js';
import { priceOf, valueOf, type Prices, type Quantities } from './valuation.js';
import { countedAnew, countedFrom, leastGone, positive, withBooks, withSeen } from './went.js';

/** Shares of the account, and worth, of what turned out to be lost; negative where less was than it had seemed. */
export interface Lost {
  readonly share: Decimal;
  readonly dayShare: Decimal;
  readonly dayWorth: Decimal;
  readonly worth: Decimal;
}

const DIGITS = 30;
const WORTH_PLACES = 15;
const ONE = new Decimal(1);

/** Nothing is unexplained: what the venue shows beside the books at the first look is taken as it is, and explains nothing when it is booked. Pure. */
export function explainedSoFar(external: Quantities, booked: Booked, now: number): Unexplained {
  const { withdrawn, before, traded } = booked;
  const none = { share: ZERO_TEXT, dayShare: ZERO_TEXT, dayWorth: ZERO_TEXT };
  return {
    assets: {},
    since: now,
    checked: now,
    day: dayOf(now),
    ...none,
    exchanged: {},
    used: { withdrawn, traded },
    seen: { withdrawn, before },
    base: besideBooks(external, booked),
    went: countedFrom(booked, now),
    late: NONE_LATE,
  };
}

/** What has changed by a difference that was just settled. Pure. */
export function withSettled(known: Unexplained, settled: Settled, equity: Decimal, prices: Prices, now: number): Unexplained {
  const isSoon = settled.exchanged === undefined && Math.abs(now - known.since) <= WATCH.cameBackMs;
  const cameBack = isSoon ? coveredOf(known, (asset) => amountOf(settled.change, asset)) : {};
  const went = known.went && withSeen(known.went, positive(differenceOf({}, settled.change)), cameBack);
  const before = { ...known, went, movedAt: movedAt(known, settled.change, prices, now) };
  if (settled.exchanged !== undefined) return { ...before, exchanged: carriedForward(before.exchanged, settled.exchanged) };
  const back = isSoon ? less(before, cameBack) : before;
  if (settled.went.lte(0)) return back;
  const gone = Object.entries(settled.change)
    .map(([asset, quantity]) => ({ asset, quantity: decimal(quantity), worth: valueOf(asset, decimal(quantity), prices)?.value ?? ZERO }))
    .filter(({ quantity }) => quantity.isNegative());
  const whole = gone.reduce((sum, { worth }) => sum.plus(worth), ZERO).neg();
  const assets = { ...back.assets };
  for (const { asset, quantity, worth } of gone) {
    const had: Gone = assets[asset] ?? NOTHING;
    const part = whole.isZero() ? ZERO : worth.neg().mul(settled.went).div(whole);
    assets[asset] = {
      ...{ from: had === NOTHING ? before.checked : had.from, to: now },
      quantity: text(decimal(had.quantity).minus(quantity)),
      worth: text(decimal(had.worth).plus(part).toDecimalPlaces(DIGITS, Decimal.ROUND_UP)),
    };
  }
  return { ...back, assets, since: now, ...sharesWith(back, settled.went, equity) };
}

/** What went yesterday is no loss of today. Pure. */
export function onDay(before: Unexplained, day: number): Unexplained {
  // A day that was to come goes on as today, as its opening does.
  if (before.day > day) return { ...before, day };
  return before.day === day ? before : { ...before, day, dayShare: ZERO_TEXT, dayWorth: ZERO_TEXT };
}

/** In another quote asset the worth of all is another; shares stay. Pure. */
export function requoted(before: Unexplained, was: DecimalText, is: DecimalText): Unexplained {
  if (decimal(was).lte(0)) return before;
  const scaled = (worth: DecimalText): DecimalText => rounded(decimal(worth).mul(decimal(is)).div(decimal(was)));
  const assets = Object.fromEntries(
    Object.entries(before.assets).map(([asset, gone]) => [asset, { ...gone, worth: scaled(gone.worth) }] as const),
  );
  return { ...before, assets, dayWorth: scaled(before.dayWorth) };
}

/** What is known of the account beside the books. */
export interface Known {
  readonly external: Quantities;
  readonly equity: Decimal;
  readonly prices: Prices;
  readonly now: number;
  /** Whether a reading shows all that is known, at this sample. */
  readonly isChecked: boolean;
  /** Whether nobody has looked for a while before this sample. */
  readonly isSilent: boolean;
}

/**
 * What the books have come to explain. What was withdrawn was no loss, if it went since the last look that showed nothing of it: a withdrawal that
 * no sample has seen by itself (before the first one, or beside a deposit while no guardian lived) explains nothing that goes later, and one that happened later explains nothing that had gone.
 * What others have traded was no flow: of all that a reading nets, what their fills have cost beyond what they brought was lost. What
 * the venue lacks against the books is explained by nothing that is in them. Pure.
 */
export function explainedBy(
  kept: Unexplained,
  inBooks: Booked,
  seen: Known,
): { readonly left: Unexplained; readonly lost: Lost | undefined } {
  const { moved } = kept.late ?? NONE_LATE;
  const known = reckoned(kept, carriedForward(kept.used.traded, moved));
  const [booked, at] = [withLate(inBooks, kept.late), { ...seen, external: differenceOf(carriedForward(seen.external, moved), {}) }];
  const before = countedBefore(known.base === undefined ? asBefore(known, booked, at.external) : known, booked, at.now);
  const { left: afterwards, lost } = tradesOf(before, booked, at);
  const withdrawn = usedOrPast(before, booked);
  const lacks = lacking(afterwards, booked, at.external);
  // The books were read before it was seen that more has gone.
  const tooLate = (asset: string): Decimal => (before.assets[asset]?.to === at.now ? ZERO : amountOf(booked.after, asset));
  const covered = coveredOf(afterwards, (asset) => {
    const open = amountOf(withdrawn, asset).minus(amountOf(booked.withdrawn, asset)).plus(tooLate(asset));
    return minimum(open, goneOf(afterwards, asset).minus(lacks(asset)));
  });
  const left = {
    ...excusedBy(less(afterwards, covered), covered, booked, at),
    used: { ...afterwards.used, withdrawn: differenceOf(withdrawn, covered) },
    seen: { withdrawn: booked.withdrawn, before: booked.before },
  };
  const based = { ...left, base: baseOf(left, before, booked, at.external) };
  const afterAll = withShort(explainedIn(based, booked, at), booked, at);
  return { left: reckoned(afterAll, afterAll.used.traded, moved), lost };
}

/** Kept is what of others' fills is reckoned with, without those of ours that are taken for such. */
function reckoned(before: Unexplained, traded: Quantities, less: Quantities = {}): Unexplained {
  return { ...before, used: { ...before.used, traded: differenceOf(traded, less) } };
}

/**
 * Where the books explain all that the venue shows to the last unit, and each fill is reckoned with, no more is left than what nothing in them can have
 * taken: the rest was seen beside others only, or was booked in a sum with them.
 */
function explainedIn(before: Unexplained, booked: Booked, { external, now }: Known): Unexplained {
  const { base, exchanged, used, went } = before;
  if (went === undefined) return before;
  const beside = besideBooks(external, booked);
  const open = [exchanged, differenceOf(booked.traded, used.traded), differenceOf(beside, base ?? {})];
  if (open.some((quantities) => Object.keys(quantities).length > 0)) return before;
  const left = less(
    before,
    coveredOf(before, (asset) => goneOf(before, asset).minus(leastGone(went, booked, asset))),
  );
  return Object.keys(left.assets).length > 0 ? left : { ...left, went: countedAnew(went, booked, now) };
}

/**
 * What the venue has lacked for long is lost, whatever has excused it once: no booking that is ahead of it is so far ahead. What came while nobody
 * looked has not lacked all the time, and is known when readings show it.
 */
function withShort(before: Unexplained, booked: Booked, { external, equity, prices, now, isChecked, isSilent }: Known): Unexplained {
  const lacks = lacking(before, booked, external);
  const found = Object.keys(openOf(before, booked, external)).map((asset) => {
    const quantity = lacks(asset).minus(goneOf(before, asset));
    const known = isSilent ? undefined : before.short?.[asset];
    const [least, since] = known === undefined ? [quantity, now] : [minimum(quantity, decimal(known.quantity)), Math.min(known.since, now)];
    return {
      asset,
      least,
      since,
      isLong: isChecked && now - since >= WATCH.lackingMs && worthWhenMoved({ [asset]: ONE_TEXT }, before, prices) !== undefined,
    };
  });
  const open = found.filter(({ least }) => least.gt(0));
  const gone = amountsOf(open.filter(({ isLong }) => isLong).map(({ asset, least }) => [asset, least]));
  const short = open.filter(({ isLong }) => !isLong).map(({ asset, least, since }) => [asset, { quantity: text(least), since }] as const);
  return { ...withGone(before, gone, equity, prices), short: Object.fromEntries(short) };
}

/** A withdrawal that has explained what it was not booked for: the deposit that was beside it is booked later, and then that is missing again. */
function excusedBy(before: Unexplained, covered: Quantities, booked: Booked, { external, equity, prices, now }: Known): Unexplained {
  const lacks = lacking(before, booked, external);
  const open = openOf(before, booked, external);
  const isWaiting = Object.keys(differenceOf(booked.traded, before.used.traded)).length > 0;
  const perhaps = Object.entries(carriedForward(before.excused ?? {}, covered)).map(([asset, quantity]) => {
    const again = isWaiting ? ZERO : maximum(ZERO, minimum(decimal(quantity), lacks(asset).minus(goneOf(before, asset))));
    const isExact = amountOf(open, asset).plus(goneOf(before, asset)).isZero();
    return { asset, again, left: isExact ? ZERO : decimal(quantity).minus(again) };
  });
  const gone = amountsOf(perhaps.filter(({ again }) => again.gt(0)).map(({ asset, again }) => [asset, again]));
  const left = amountsOf(perhaps.filter(({ left: quantity }) => quantity.gt(0)).map(({ asset, left: quantity }) => [asset, quantity]));
  const since = Object.keys(gone).length === 0 ? before.since : now;
  return { ...withGone(before, gone, equity, prices), since, excused: left };
}

/** The same account, where what had been taken for withdrawn was lost. Pure. */
export function withLost(performance: Performance, { share, dayShare, dayWorth, worth }: Lost): Performance {
  const raised = (value: DecimalText, by: Decimal, whole: Decimal): DecimalText =>
    by.gte(1) ? text(decimal(value).plus(whole)) : rounded(decimal(value).div(ONE.minus(by)));
  const peak = maximum(decimal(raised(performance.peak, share, worth)), decimal(performance.equity));
  return {
    ...performance,
    peak: text(peak),
    dayFlows: text(decimal(performance.dayFlows).plus(dayWorth)),
    dayBasis: raised(performance.dayBasis, dayShare, dayWorth),
  };
}

/** The figures with everything that is unexplained, and what is `missing` beside it, counted as lost. Pure. */
export function withUnexplained(figures: Figures, performance: Performance, unexplained: Unexplained, missing: Decimal): Figures {
  const equity = decimal(performance.equity);
  const leftOf = (share: DecimalText): Decimal => {
    const without = equity.lte(0) ? ZERO : maximum(ZERO, ONE.minus(missing.div(equity)));
    return ONE.minus(decimal(share)).mul(missing.isZero() ? ONE : without);
  };
  const lossOf = (basis: DecimalText, was: Decimal, share: DecimalText): Decimal => {
    if (leftOf(share).eq(ONE)) return was;
    if (decimal(basis).lte(0)) return maximum(was, ONE.minus(leftOf(share)));
    return maximum(was, ONE.minus(equity.div(decimal(basis)).mul(leftOf(share))));
  };
  return {
    dailyPnl: text(decimal(figures.dailyPnl).minus(decimal(unexplained.dayWorth)).minus(missing)),
    dailyLossRatio: lossOf(performance.dayBasis, figures.dailyLossRatio, unexplained.dayShare),
    drawdownRatio: lossOf(performance.peak, figures.drawdownRatio, unexplained.share),
  };
}

/** A row of an earlier build: what it has left unexplained is all that the books do not explain. */
function asBefore(before: Unexplained, booked: Booked, external: Quantities): Unexplained {
  const gone = amountsOf(Object.entries(before.assets).map(([asset, { quantity }]) => [asset, decimal(quantity)]));
  const traded = differenceOf(booked.traded, before.used.traded);
  return {
    ...before,
    exchanged: differenceOf(before.exchanged, before.used.traded),
    base: carriedForward(carriedForward(besideBooks(external, booked), gone), traded),
  };
}

/** … and what it shows as gone, or as given for something, was seen to go. */
function countedBefore(before: Unexplained, booked: Booked, now: number): Unexplained {
  if (before.went !== undefined && before.late !== undefined) return { ...before, went: withBooks(before.went, booked, now) };
  const gone = amountsOf(Object.keys(before.assets).map((asset) => [asset, goneOf(before, asset)]));
  // A fill of ours that was booked late was counted there as gone for good.
  if (before.went !== undefined) return { ...before, went: { ...before.went, seen: gone }, late: NONE_LATE };
  const seen = carriedForward(gone, positive(differenceOf({}, before.exchanged)));
  const waiting = positive(differenceOf({}, differenceOf(booked.traded, before.used.traded)));
  const went = countedFrom(booked, now, seen);
  return { ...before, went: { ...went, given: carriedForward(went.given, waiting) }, late: before.late ?? NONE_LATE };
}

/** Which fills of ours readings have shown that were not booked then, and are now. Pure. */
export function bookedLate(known: Unexplained, inBooks: Booked, external: Quantities, readings: Readings, now: number): Quantities {
  const { went, ...before } = countedBefore(known.base === undefined ? asBefore(known, inBooks, external) : known, inBooks, now);
  return went === undefined ? {} : lateFills(before, went, openOf({ ...before, exchanged: {} }, inBooks, external), external, readings);
}

/** With fills of ours that are to be reckoned with as another hand's. Pure. */
export function withLateFills(known: Unexplained, fills: Quantities): Unexplained {
  if (Object.keys(fills).length === 0) return known;
  return { ...reckoned(known, known.used.traded, fills), late: laterBy(known.late, fills) };
}

/** How much of what went the comparison does not show, since as much that nobody has booked came beside it. Pure. */
export function nettedOf(before: Unexplained, booked: Booked, external: Quantities): Quantities {
  const lacks = lacking(before, booked, external);
  const netted = Object.keys(before.assets).map((asset) => [asset, goneOf(before, asset).minus(lacks(asset))] as const);
  return amountsOf(netted.filter(([, quantity]) => quantity.gt(0)));
}

/** What of the first look was booked since, as what came in or as withdrawn before it, is explained. */
function baseOf(left: Unexplained, before: Unexplained, booked: Booked, external: Quantities): Quantities {
  const base = left.base ?? {};
  const beside = openOf(left, booked, external);
  const booking = (asset: string): Decimal => amountOf(before.seen?.withdrawn ?? {}, asset).minus(amountOf(booked.withdrawn, asset));
  return amountsOf(
    Object.keys(base)
      .map((asset) => {
        const [first, over] = [amountOf(base, asset), amountOf(beside, asset).plus(goneOf(left, asset))];
        if (first.gt(0)) return [asset, first.minus(minimum(first, maximum(ZERO, over.neg())))] as const;
        return [asset, first.plus(minimum(first.neg(), maximum(ZERO, over), maximum(ZERO, booking(asset))))] as const;
      })
      .filter(([, quantity]) => !quantity.isZero()),
  );
}

function movedAt({ movedAt: before }: Unexplained, change: Quantities, prices: Prices, now: number): Unexplained['movedAt'] {
  const moved = Object.keys(change);
  if (moved.length === 0) return before;
  const known = moved.flatMap((asset) => {
    const priced = priceOf(asset, prices);
    return priced === undefined ? [] : [[asset, priced.price] as const];
  });
  return { prices: { ...before?.prices, ...Object.fromEntries(known) }, time: now };
}

/** Fills by others are reckoned with as a whole, when the venue has shown them: a part of them would be a gain or a loss that was none. */
function tradesOf(before: Unexplained, booked: Booked, { external, equity, prices, now }: Known): Reckoned {
  const base = before.base ?? {};
  const isSeen = isShown(before, booked, external);
  const more = isSeen ? differenceOf(booked.traded, before.used.traded) : {};
  const first = common(more, base);
  const exchange = common(differenceOf(more, first), before.exchanged);
  const rest = differenceOf(differenceOf(more, first), exchange);
  const reckoned = {
    ...before,
    base: differenceOf(base, first),
    exchanged: differenceOf(before.exchanged, exchange),
    used: { ...before.used, traded: isSeen ? booked.traded : before.used.traded },
  };
  const seemed = isSeen ? notExchanged(reckoned, booked, external) : {};
  const worth = worthWhenMoved(differenceOf(rest, seemed), before, prices);
  if (worth === undefined) return { left: before, lost: undefined };
  const parted = { ...reckoned, exchanged: differenceOf(reckoned.exchanged, seemed) };
  const lacks = lacking(parted, booked, external);
  // What was got, and went.
  const explained = (asset: string): Decimal => maximum(amountOf(rest, asset).neg(), amountOf(seemed, asset));
  const covered = coveredOf(parted, (asset) => minimum(explained(asset), goneOf(parted, asset).minus(lacks(asset))));
  // What fills have brought and the venue does not show went beside them, as what was given for nothing did.
  const without = differenceOf(rest, seemed);
  const gone = amountsOf(
    Object.keys(without)
      .map((asset) => [asset, minimum(amountOf(without, asset), lacks(asset).minus(goneOf(parted, asset)))] as const)
      .filter(([, quantity]) => quantity.gt(0)),
  );
  const left = withGone(less(parted, covered), gone, equity, prices);
  return { left, lost: worth.isZero() ? undefined : lostBy(worth.neg(), parted, covered, equity, now) };
}

/**
 * What seemed to be an exchange, where the books have another reason for a side of it: as much of the other side is none either. What came was
 * deposited, so that what went has no reason; or what went was withdrawn, so that what came was a deposit.
 */
function notExchanged(before: Unexplained, booked: Booked, external: Quantities): Quantities {
  const { exchanged } = before;
  // What no booking can have taken went as it seemed, also where as much came that nobody has booked.
  const wentOf = (asset: string): Decimal =>
    before.went === undefined || amountOf(exchanged, asset).gte(0) ? ZERO : leastGone(before.went, booked, asset).neg();
  const isBacked = Object.keys(exchanged).some((asset) => !wentOf(asset).isZero());
  if (!isBacked && Object.keys(openOf({ ...before, exchanged: {} }, booked, external)).length === 0) return exchanged;
  // What went of it since had come.
  const gone = amountsOf(Object.keys(before.assets).map((asset) => [asset, goneOf(before, asset)]));
  const beside = [exchanged, gone].reduce(carriedForward, openOf(before, booked, external));
  const seen = amountsOf(
    Object.keys(exchanged).map((asset) => {
      const went = wentOf(asset);
      return [asset, went.isZero() ? amountOf(beside, asset) : minimum(amountOf(beside, asset), went)];
    }),
  );
  const backed = common(exchanged, seen);
  const shares = Object.keys(exchanged).map((asset) => ONE.minus(amountOf(backed, asset).div(amountOf(exchanged, asset))));
  const part = maximum(ZERO, ...shares);
  if (part.eq(1)) return exchanged;
  return part.isZero()
    ? {}
    : amountsOf(Object.entries(exchanged).map(([asset, quantity]) => [asset, decimal(quantity).mul(part).toDecimalPlaces(DIGITS)]));
}

/** What had seemed to be given for something, and was not. */
function withGone(before: Unexplained, gone: Quantities, equity: Decimal, prices: Prices): Unexplained {
  const assets = { ...before.assets };
  let went = ZERO;
  for (const [asset, quantity] of Object.entries(gone)) {
    const had = assets[asset] ?? NOTHING;
    const worth = worthWhenMoved({ [asset]: quantity }, before, prices) ?? ZERO;
    went = went.plus(worth);
    assets[asset] = { quantity: text(decimal(had.quantity).plus(decimal(quantity))), worth: text(decimal(had.worth).plus(worth)) };
  }
  return went.isZero() ? before : { ...before, assets, ...sharesWith(before, went, equity) };
}

/** The shares with so much more that went of an account that is worth so much now. */
function sharesWith(before: Unexplained, went: Decimal, equity: Decimal): Pick<Unexplained, 'share' | 'dayShare' | 'dayWorth'> {
  const share = equity.lte(0) ? ONE : went.div(equity.plus(went));
  const more = (was: DecimalText): DecimalText => rounded(ONE.minus(ONE.minus(decimal(was)).mul(ONE.minus(share))));
  return { share: more(before.share), dayShare: more(before.dayShare), dayWorth: text(decimal(before.dayWorth).plus(went)) };
}

interface Reckoned {
  readonly left: Unexplained;
  readonly lost: Lost | undefined;
}

/** Fills may be booked before a reading shows them: what they brought is missing then, or what they took is there. */
function isShown(before: Unexplained, booked: Booked, external: Quantities): boolean {
  const more = Object.entries(differenceOf(booked.traded, before.used.traded)).map(
    ([asset, quantity]) => [asset, decimal(quantity)] as const,
  );
  const beside = differenceOf(besideBooks(external, booked), before.base ?? {});
  const brought = more.filter(([, quantity]) => quantity.gt(0));
  if (brought.length > 0) {
    return !brought.every(([asset, quantity]) => amountOf(beside, asset).plus(goneOf(before, asset)).lte(quantity.neg()));
  }
  return more.length === 0 || !more.every(([asset, quantity]) => amountOf(beside, asset).gte(quantity.neg()));
}

/** Undefined while an asset of it has no price. */
function worthWhenMoved(quantities: Quantities, { movedAt: moved }: Unexplained, prices: Prices): Decimal | undefined {
  let sum = ZERO;
  for (const [asset, quantity] of Object.entries(quantities)) {
    const price = asset === prices.quote ? ONE_TEXT : (moved?.prices[asset] ?? priceOf(asset, prices)?.price);
    if (price === undefined) return undefined;
    sum = sum.plus(decimal(quantity).mul(decimal(price)));
  }
  // What is left of a division is nothing.
  return sum.toDecimalPlaces(WORTH_PLACES);
}

/** What was lost is of what had been taken for withdrawn, as far as that goes, and else of what the account is worth now. */
function lostBy(worth: Decimal, before: Unexplained, covered: Quantities, equity: Decimal, now: number): Lost {
  const part = partOf(before, covered);
  const taken = worthOf(before).mul(part);
  const ofTaken = taken.isZero() || worth.isNegative() ? ZERO : minimum(worth, taken);
  const more = worth.minus(ofTaken);
  const kept = ofTaken.isZero() ? ZERO : part.mul(ofTaken).div(taken);
  const shareOf = (was: DecimalText, isCounted: boolean): Decimal => {
    const beside = !isCounted || equity.lte(0) || equity.plus(worth).lte(0) ? ZERO : more.div(equity.plus(worth));
    return ONE.minus(ONE.minus(decimal(was).mul(kept)).mul(ONE.minus(beside))).toDecimalPlaces(DIGITS, Decimal.ROUND_UP);
  };
  const isToday = before.movedAt !== undefined && dayOf(before.movedAt.time) === dayOf(now);
  return {
    share: shareOf(before.share, true),
    dayShare: shareOf(before.dayShare, isToday),
    dayWorth: decimal(before.dayWorth)
      .mul(kept)
      .plus(isToday ? more : ZERO)
      .toDecimalPlaces(WORTH_PLACES),
    worth,
  };
}

const ONE_TEXT = '1' as DecimalText;
const NOTHING = { quantity: ZERO_TEXT, worth: ZERO_TEXT };
/** What of all that was withdrawn explains nothing more: what has explained something, and what was past when it was booked, or is by now. */
function usedOrPast({ used, seen }: Unexplained, { withdrawn, before }: Booked): Quantities {
  const since = (was: Quantities | undefined, is: Quantities, asset: string): Decimal =>
    was === undefined ? ZERO : minimum(ZERO, amountOf(is, asset).minus(amountOf(was, asset)));
  const assets = new Set([...Object.keys(used.withdrawn), ...Object.keys(withdrawn)]);
  return amountsOf(
    [...assets].map((asset) => {
      const bookedLate = maximum(since(seen?.withdrawn, withdrawn, asset), since(seen?.before, before, asset));
      return [asset, minimum(amountOf(used.withdrawn, asset).plus(bookedLate), amountOf(before, asset))];
    }),
  );
}
