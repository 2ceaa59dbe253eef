import { Decimal, ZERO, decimal, text, type DecimalText } from '../money/index.js';

const DAY_MS = 86_400_000;
/** So far ahead of the clock a day is no matter of midnight: the clock was ahead, and is set back. */
const AHEAD_MS = 60_000;

/** What is remembered of an account's equity over restarts. */
export interface Performance {
  readonly equity: DecimalText;
  readonly peak: DecimalText;
  /** Begin of the UTC day, epoch ms by the database's clock. */
  readonly day: number;
  readonly dayOpening: DecimalText;
  /** Deposits less withdrawals of the day. */
  readonly dayFlows: DecimalText;
  /** The opening as it would be with what was deposited and withdrawn since: what the day's loss is a share of. */
  readonly dayBasis: DecimalText;
}

export interface Figures {
  readonly dailyPnl: DecimalText;
  /** Shares from 0 on; a gain is no negative loss. */
  readonly dailyLossRatio: Decimal;
  readonly drawdownRatio: Decimal;
}

export interface Move {
  readonly now: number;
  /** Worth of the account now, with what was deposited and withdrawn since the last time. */
  readonly equity: Decimal;
  /** Of that, what was deposited (positive) or withdrawn. */
  readonly flow: Decimal;
  /** Only where the day that is kept is to come: what was kept last of the day that it is, and what the account was worth then. */
  readonly today?: KeptDay | undefined;
}
export type KeptDay = Pick<Performance, 'equity' | 'dayOpening' | 'dayFlows' | 'dayBasis'>;

export const dayOf = (time: number): number => Math.floor(time / DAY_MS) * DAY_MS;

/**
 * Equity, peak and the day's opening at the next sample. A deposit or withdrawal moves peak and basis in proportion to what
 * the account was worth without it: neither the drawdown nor the day's loss changes by it, and a withdrawal cannot hide a loss
 * nor look like one. A day opens with what the day before ended with. What is kept for a day that is to come is taken for today,
 * with the highest of its opening, what the account was worth last, and what today itself had opened with: neither the loss before the clock
 * ran ahead is forgotten, nor that since, and the next day opens. Pure.
 */
export function moved(before: Performance | undefined, { now, equity, flow, today }: Move): Performance {
  const day = dayOf(now);
  if (before === undefined) {
    const first = text(equity);
    return { equity: first, peak: first, day, dayOpening: first, dayFlows: text(ZERO), dayBasis: first };
  }
  const isAhead = before.day - now > AHEAD_MS;
  const isNewDay = day > before.day || (isAhead && decimal(before.equity).gt(decimal(before.dayBasis)));
  const opened = isNewDay ? opening(before.equity) : before;
  const began = isAhead && today !== undefined ? goneOn(today, before) : undefined;
  const { dayOpening, dayFlows, dayBasis } = began !== undefined && decimal(began.dayBasis).gt(decimal(opened.dayBasis)) ? began : opened;
  const scaled = scaling(equity.minus(flow), equity);
  const peak = scaled(decimal(before.peak));
  return {
    equity: text(equity),
    peak: text(equity.gt(peak) ? equity : peak),
    day: isNewDay || isAhead ? day : before.day,
    dayOpening,
    dayFlows: text(decimal(dayFlows).plus(flow)),
    dayBasis: text(scaled(decimal(dayBasis))),
  };
}

type Opened = Pick<Performance, 'dayOpening' | 'dayFlows' | 'dayBasis'>;

const opening = (equity: DecimalText): Opened => ({ dayOpening: equity, dayFlows: text(ZERO), dayBasis: equity });

/** A day as it would be, had no other begun where it was left. What that one opened with is what the account was worth then, and is moved by flows alike. */
function goneOn({ equity, dayOpening, dayFlows, dayBasis }: KeptDay, since: Opened): Opened | undefined {
  if (decimal(equity).lte(0)) return undefined;
  return {
    dayOpening,
    dayFlows: text(decimal(dayFlows).plus(decimal(since.dayFlows))),
    // Up, so that rounding never makes a loss smaller.
    dayBasis: text(decimal(since.dayBasis).mul(decimal(dayBasis)).div(decimal(equity)).toDecimalPlaces(DIGITS, Decimal.ROUND_UP)),
  };
}

/** The same account with its peak where it is now: two people have decided that it goes on from here. */
export function rebased(performance: Performance): Performance {
  return { ...performance, peak: performance.equity };
}

export function figuresOf({ equity, peak, dayOpening, dayFlows, dayBasis }: Performance): Figures {
  return {
    dailyPnl: text(decimal(equity).minus(decimal(dayOpening)).minus(decimal(dayFlows))),
    dailyLossRatio: lossRatio(decimal(dayBasis), decimal(equity)),
    drawdownRatio: lossRatio(decimal(peak), decimal(equity)),
  };
}

const DIGITS = 30;

/** Every flow is valued in money; where nothing was there before it, or nothing is left, the account begins anew with it. */
function scaling(without: Decimal, withFlow: Decimal): (value: Decimal) => Decimal {
  if (without.eq(withFlow)) return (value) => value;
  if (without.lte(0) || withFlow.lte(0)) return () => (withFlow.lt(0) ? ZERO : withFlow);
  // Up, so that rounding never makes a loss smaller.
  return (value) => value.mul(withFlow).div(without).toDecimalPlaces(DIGITS, Decimal.ROUND_UP);
}

function lossRatio(from: Decimal, to: Decimal): Decimal {
  if (from.lte(0) || to.gte(from)) return ZERO;
  return from.minus(to).div(from);
}
