import { amountOf, amountsOf, Decimal, decimal, maximum, minimum, text, ZERO, ZERO_TEXT, type DecimalText } from '../money/index.js';
import { carriedForward, differenceOf, type Settled } from './carried.js';
import { dayOf, type Figures, type Performance } from './performance.js';
import { WATCH } from './rules.js';
import { valueOf, type Prices, type Quantities } from './valuation.js';

interface Gone {
  readonly quantity: DecimalText;
  readonly worth: DecimalText;
  /** All that it is went after this moment. Undefined: an earlier build has seen it go. */
  readonly from?: number | undefined;
  /** All of it had gone by this moment. Undefined: an earlier build has seen it go. */
  readonly to?: number | undefined;
}

/**
 * What went from the account without anything that came for it. Balances cannot tell a withdrawal from what another hand has lost between
 * two readings, so it is both at once: peak and day's opening are moved as by a withdrawal (`Performance`), and here stands which share of
 * the account went so. The figures count that as lost until the books explain it: booked as withdrawn it was no loss, booked as the fills
 * of another hand it was one.
 */
export interface Unexplained {
  /** What nobody has explained yet: how much of each asset, and what it was worth when it went. */
  readonly assets: Readonly<Record<string, Gone>>;
  /** When something went last; what comes back soon was never gone. */
  readonly since: number;
  /** When a reading showed last what is known: what has happened before is in that. Undefined: in a row of an earlier build. */
  readonly checked?: number | undefined;
  /** Shares of the account, from 0 to 1; of the day, what went on it. */
  readonly share: DecimalText;
  readonly day: number;
  readonly dayShare: DecimalText;
  readonly dayWorth: DecimalText;
  /** What others have exchanged, as it was seen: booked as fills it explains nothing else. */
  readonly exchanged: Quantities;
  /** What of the books has explained something already. */
  readonly used: Pick<Booked, 'withdrawn' | 'traded'>;
  /** What the books said at the last sample. Undefined: in a row of an earlier build. */
  readonly seen?: Pick<Booked, 'withdrawn' | 'before'> | undefined;
}

/** What the books say of what came and went beside our own fills, since the onboarding. */
export interface Booked {
  readonly deposited: Quantities;
  /** Withdrawn, and transferred away: negative. */
  readonly withdrawn: Quantities;
  /** What of that had happened before what is unexplained of an asset can have gone, or before the last look where nothing is: it explains nothing. */
  readonly before: Quantities;
  /** What of that happened when what is unexplained of an asset had gone already: it explains nothing before it is seen to go, too. */
  readonly after: Quantities;
  /** Fills by other hands, corrections, and fills of ours that a person has decided on, signed. */
  readonly traded: Quantities;
}

/** Shares of the account, and worth, of what turned out to be lost. */
export interface Lost {
  readonly share: Decimal;
  readonly dayShare: Decimal;
  readonly dayWorth: Decimal;
  readonly worth: Decimal;
}

const DIGITS = 30;
const ONE = new Decimal(1);

/** Nothing is unexplained: what the venue shows beside the books at the first look is taken as it is, and explains nothing when it is booked as fills. Pure. */
export function explainedSoFar(external: Quantities, { deposited, withdrawn, before, traded }: Booked, now: number): Unexplained {
  const none = { share: ZERO_TEXT, dayShare: ZERO_TEXT, dayWorth: ZERO_TEXT };
  const exchanged = differenceOf(differenceOf(external, deposited), withdrawn);
  return {
    assets: {},
    since: now,
    checked: now,
    day: dayOf(now),
    ...none,
    exchanged,
    used: { withdrawn, traded },
    seen: { withdrawn, before },
  };
}

/** What has changed by a difference that was just settled. Pure. */
export function withSettled(before: Unexplained, settled: Settled, equity: Decimal, prices: Prices, now: number): Unexplained {
  if (settled.isExchange) return { ...before, exchanged: carriedForward(before.exchanged, settled.change) };
  const back =
    Math.abs(now - before.since) <= WATCH.cameBackMs
      ? less(
          before,
          coveredOf(before, (asset) => amountOf(settled.change, asset)),
        )
      : before;
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
  const share = equity.lte(0) ? ONE : settled.went.div(equity.plus(settled.went));
  const more = (was: DecimalText): DecimalText => rounded(ONE.minus(ONE.minus(decimal(was)).mul(ONE.minus(share))));
  const dayWorth = text(decimal(back.dayWorth).plus(settled.went));
  return { ...back, assets, since: now, share: more(back.share), dayShare: more(back.dayShare), dayWorth };
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

/**
 * What the books have come to explain. What was withdrawn was no loss, if it went since the last look that showed nothing of it: a withdrawal that
 * no sample has seen by itself (before the first one, or beside a deposit while no guardian lived) explains nothing that goes later, and one that happened later explains nothing that had gone. What fills of another hand have taken, beyond what was seen as an
 * exchange, was one. Pure.
 */
export function explainedBy(
  before: Unexplained,
  booked: Booked,
  now: number,
): { readonly left: Unexplained; readonly lost: Lost | undefined } {
  const { exchanged } = before;
  const used = { ...before.used, withdrawn: usedOrPast(before, booked) };
  // The books were read before it was seen that more has gone.
  const tooLate = (asset: string): Decimal => (before.assets[asset]?.to === now ? ZERO : amountOf(booked.after, asset));
  const withdrawn = coveredOf(before, (asset) =>
    amountOf(used.withdrawn, asset).minus(amountOf(booked.withdrawn, asset)).plus(tooLate(asset)),
  );
  const afterwards = less(before, withdrawn);
  const traded = coveredOf(afterwards, (asset) => {
    const took = amountOf(used.traded, asset).minus(amountOf(booked.traded, asset));
    return took.plus(minimum(ZERO, amountOf(exchanged, asset).minus(amountOf(used.traded, asset))));
  });
  const left = {
    ...less(afterwards, traded),
    // Both sides of what was traded are moved by what is set against each other now, so that what was seen as an exchange stays that.
    used: { withdrawn: differenceOf(used.withdrawn, withdrawn), traded: differenceOf(used.traded, traded) },
    exchanged: differenceOf(exchanged, traded),
    seen: { withdrawn: booked.withdrawn, before: booked.before },
  };
  const part = partOf(afterwards, traded);
  const lost = (value: DecimalText): Decimal => decimal(value).mul(part);
  const { share, dayShare, dayWorth } = afterwards;
  if (part.isZero()) return { left, lost: undefined };
  return { left, lost: { share: lost(share), dayShare: lost(dayShare), dayWorth: lost(dayWorth), worth: worthOf(afterwards).mul(part) } };
}

/** The same account, where what had been taken for withdrawn was lost. Pure. */
export function withLost(performance: Performance, { share, dayShare, dayWorth, worth }: Lost): Performance {
  const raised = (value: DecimalText, by: Decimal, whole: Decimal): DecimalText =>
    by.gte(1) ? text(decimal(value).plus(whole)) : rounded(decimal(value).div(ONE.minus(by)));
  return {
    ...performance,
    peak: raised(performance.peak, share, worth),
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

/** How much of what is unexplained is covered by so much of each asset. */
function coveredOf({ assets }: Unexplained, by: (asset: string) => Decimal): Quantities {
  const covered = Object.entries(assets).map(([asset, { quantity }]) => [asset, minimum(decimal(quantity), by(asset))] as const);
  return amountsOf(covered.filter(([, quantity]) => quantity.gt(0)));
}

/** Without these quantities, and without their part of the shares. */
function less(before: Unexplained, covered: Quantities): Unexplained {
  const assets = Object.fromEntries(
    Object.entries(before.assets)
      .map(([asset, { quantity, worth, from, to }]) => {
        const left = decimal(quantity).minus(amountOf(covered, asset));
        return [asset, { from, to, quantity: text(left), worth: rounded(decimal(worth).mul(left).div(decimal(quantity))) }] as const;
      })
      .filter(([, { quantity }]) => decimal(quantity).gt(0)),
  );
  const part = Object.keys(assets).length === 0 ? ONE : partOf(before, covered);
  const kept = (value: DecimalText): DecimalText => rounded(decimal(value).mul(ONE.minus(part)));
  return { ...before, assets, share: kept(before.share), dayShare: kept(before.dayShare), dayWorth: kept(before.dayWorth) };
}

/** Which part, by worth, of everything unexplained these quantities are. */
function partOf(before: Unexplained, covered: Quantities): Decimal {
  const whole = worthOf(before);
  if (whole.isZero()) return ZERO;
  const worths = Object.entries(before.assets).map(([asset, { quantity, worth }]) =>
    decimal(worth).mul(amountOf(covered, asset)).div(decimal(quantity)),
  );
  return minimum(ONE, worths.reduce((sum, worth) => sum.plus(worth), ZERO).div(whole));
}

function worthOf({ assets }: Unexplained): Decimal {
  return Object.values(assets).reduce((sum, { worth }) => sum.plus(decimal(worth)), ZERO);
}

/** Up, so that rounding never makes a loss smaller. */
function rounded(value: Decimal): DecimalText {
  return text(value.toDecimalPlaces(DIGITS, Decimal.ROUND_UP));
}
