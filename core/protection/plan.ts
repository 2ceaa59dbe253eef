import { decimal, maximum, ZERO, type Decimal, type DecimalText } from '../money/index.js';
import { salesTaken, type InstrumentRules } from '../order/instrument.js';
import type { OrderStatus } from '../order/lifecycle.js';
import { unfilledOf, type StoredOrder } from '../order/stored-order.js';
import { inOneOrder, isOnGrid } from '../risk/filters.js';
import { freeToSell } from '../risk/free-to-sell.js';
import { PROTOCOL } from '../risk/limits.js';
import { isKilled, type StopWish } from '../risk/protective.js';
import type { RiskView } from '../risk/view.js';
import { isDust, sellable } from './dust.js';
import { escapeCollarBps, escapesSinceStop, isEscaping, pauseAfterRefusalsMs } from './history.js';
import type { PositionKey } from './position-key.js';
import { stopPricesOf, type StopBasis } from './stop-price.js';

/** What the owner of a position decides on, all of one moment; times by the database's clock. */
export interface ProtectionView {
  readonly risk: RiskView;
  /** Orders of this position that are not final, oldest first. */
  readonly working: readonly StoredOrder[];
  /** Which of them are sales by another hand that a person had taken over. Absent in what was read by builds that waited for those. */
  readonly adopted?: readonly string[];
  /** The newest of these, where they sell more than is held; else null. Present with `form`. */
  readonly oversold?: string | null;
  /** What its fills add up to. Absent in what builds read that went by the position's row alone. */
  readonly filled?: DecimalText;
  /** The form that the workflow had asked for (`VIEW_FORM`). Absent in what builds up to 0.4 recorded, which is decided as they did. */
  readonly form?: number;
  /** Its newest stops and escapes, final or not, newest first. */
  readonly recent: readonly StoredOrder[];
  /** How many stops and escapes it has had. */
  readonly stops: number;
  readonly escapes: number;
  /** The newest entry that bought something; null for a position that came otherwise. */
  readonly basis: (StopBasis & { readonly strategyVersion: string; readonly createdTime: number }) | null;
}

/**
 * The form of the view that a workflow of this build knows. It is recorded with the view and says how that was decided on (P32). A patch could
 * not: its marker may come in a later task than that of the local activity before it, and is then not known yet when that is replayed.
 */
export const VIEW_FORM = 5;
/** Since this form a view says what the fills of the position add up to. */
export const FILLED_FORM = 3;
/** Since this one `recent` is of this position alone and in the order in which it was written, whatever was done to the clock meanwhile. */
const ORDERED_FORM = 4;
/** Since this one what takes sales alone is not waited for until it trades. */
const SALES_FORM = 5;

/**
 * The same of what the gate says of an exit: recorded with it, it says how the rest of that exit was decided on. 1: of 0.5. 2: one that the venue
 * refused for its time alone is tried again, and people are told of one that took so long that it is not wanted any more. 3: such a one is tried
 * until it is placed or not wanted any more, no longer three times.
 */
export const EXIT_FORM = 3;

/** What the owner does next. One thing at a time: afterwards it looks again. */
export type ProtectionStep =
  /** Whether this order exists, or how it ended, must be known first. */
  | { readonly kind: 'settle'; readonly intentId: string }
  | { readonly kind: 'cancel'; readonly intentId: string; readonly because: CancelReason }
  | { readonly kind: 'placeStop'; readonly wish: StopWish }
  /** `stuck`: the collar is as wide as it may be, and people are told. */
  | { readonly kind: 'escape'; readonly sequence: number; readonly collarBps: number; readonly stuck: boolean }
  | { readonly kind: 'rest'; readonly because: RestReason; readonly waitMs?: number }
  /** Nothing is held that could be sold, and nothing works. */
  | { readonly kind: 'done' };

export type CancelReason = 'wrongQuantity' | 'secondStop' | 'unfilledAfterTrigger' | 'filtersChanged' | 'oversold';
/**
 * `short`: the position says more than the account has, which other orders sell or which is nothing (`uncoveredOf`). `contradicted`: its fills
 * add up to something else (`isContradicted`).
 */
export type RestReason =
  | 'protected'
  | 'killed'
  | 'dust'
  | 'short'
  | 'contradicted'
  | 'entryWorking'
  | 'adoptedWorks'
  | 'triggered'
  | 'refused'
  | 'halted';

/** An entry that fills at once is waited for so long, so that one stop covers all of its fills. */
const ENTRY_WAIT_MS = 100;
const ENTRY_FRESH_MS = 500;
const UNSETTLED: ReadonlySet<OrderStatus> = new Set<OrderStatus>(['initialized', 'authorised', 'submitting', 'unknown', 'pendingCancel']);

/**
 * The next step for a position and its stop (protocol P20 to P22): never two stops, never more on sale than is held,
 * never a position without a stop for longer than the steps take. Pure; whoever runs it again after each step, or starts
 * anew after a crash, comes to the same.
 */
export function planProtection(key: PositionKey, view: ProtectionView): ProtectionStep {
  const { risk, working } = view;
  if (isKilled(key, risk)) return { kind: 'rest', because: 'killed' };
  const sells = working.filter((order) => order.side === 'sell' && !isAdopted(order, view));
  const stops = sells.filter((order) => order.purpose === 'stop');
  // While one is unknown no other is sent (P21); exits and escapes fill at once, so one that works is about to end.
  const open = sells.find((order) => UNSETTLED.has(order.status) || order.purpose !== 'stop');
  if (open !== undefined) return { kind: 'settle', intentId: open.intentId };

  if (isContradicted(key, view)) return { kind: 'rest', because: 'contradicted' };
  const rules = risk.instrument;
  if (rules === undefined || !isSellable(rules, view)) return { kind: 'rest', because: 'halted' };
  if (typeof view.oversold === 'string') return { kind: 'cancel', intentId: view.oversold, because: 'oversold' };
  const target = targetOf(key, view, rules);
  const [stop, second] = stops;
  if (second !== undefined) return { kind: 'cancel', intentId: second.intentId, because: 'secondStop' };
  if (stop !== undefined) return tend(stop, target, view, rules);
  if (!target.isZero()) return protect(key, target, view, rules);
  if (working.some((order) => isAdopted(order, view))) return { kind: 'rest', because: 'adoptedWorks' };
  return sellable(heldOf(key, risk), rules).isZero() ? whenNothingIsHeld(working) : whenNothingIsThere(key, view, rules);
}

function isAdopted({ intentId }: StoredOrder, { adopted = [] }: ProtectionView): boolean {
  return adopted.includes(intentId);
}

/**
 * Recorded by a build up to 0.3, which went by the position alone and counted each escape as a try: a replay has to come to what that
 * one did (P32).
 */
function isOfOlderBuild({ adopted }: ProtectionView): boolean {
  return adopted === undefined;
}

/** As above, by a build up to 0.5: it went by times as if no clock were ever set back. */
function isByTimes({ form = 0 }: ProtectionView): boolean {
  return form < ORDERED_FORM;
}

/** Whether what is held of it can be sold now (P19). */
function isSellable(rules: InstrumentRules, { form = 0 }: ProtectionView): boolean {
  return form < SALES_FORM ? rules.trading : salesTaken(rules) !== 'none';
}

/** How long ago something was; by a clock that was set back since, that long at least. */
function ageMs(time: number, view: ProtectionView): number {
  const age = view.risk.databaseTime - time;
  return isByTimes(view) ? age : Math.abs(age);
}

/**
 * Whether a position is kept otherwise than its fills add up to: somebody has damaged its row, and nobody knows how much is held. What rests then
 * stays, and nothing is placed, until a person has mended it.
 */
export function isContradicted(key: PositionKey, { risk, filled }: ProtectionView): boolean {
  return filled !== undefined && !decimal(filled).eq(heldOf(key, risk));
}

/** What adopted sales may still sell: it is not a stop's to sell as well (P18). */
function spokenFor(view: ProtectionView): Decimal {
  const sales = view.working.filter((order) => isAdopted(order, view));
  return sales.reduce((sum, order) => sum.plus(decimal(order.reservedQuantity)), ZERO);
}

/**
 * Of the adopted sales of a position, oldest first, the one that has to go for them not to sell more than is held (P18), as when a stop or a
 * hand has sold what they were for.
 */
export function oversoldOf(held: DecimalText, adopted: readonly StoredOrder[]): string | null {
  const onOffer = adopted.reduce((sum, order) => sum.plus(decimal(order.reservedQuantity)), ZERO);
  return onOffer.gt(decimal(held)) ? (adopted.at(-1)?.intentId ?? null) : null;
}

/** What a stop, or what sells in its place, is for: its own sells do not count, for there are none when it is placed. */
function targetOf(key: PositionKey, view: ProtectionView, rules: InstrumentRules): Decimal {
  if (isOfOlderBuild(view)) return sellable(heldOf(key, view.risk), rules);
  const free = freeToSell(key, view.risk, () => false).minus(spokenFor(view));
  return inOneOrder(maximum(ZERO, free), rules);
}

/** How much of a position its stop cannot be for: it is not there, or is more than the venue takes in one order. People are told. */
export function uncoveredOf(key: PositionKey, view: ProtectionView): Decimal {
  const { risk } = view;
  const rules = risk.instrument;
  if (rules === undefined || !isSellable(rules, view) || isKilled(key, risk)) return ZERO;
  return sellable(leftOf(key, view), rules).minus(targetOf(key, view, rules));
}

/** Whether people have to know of it in this rest. Of what comes next they need not, and of less than the venue would take neither. */
export function isUncovered(step: ProtectionStep, key: PositionKey, view: ProtectionView): boolean {
  const rules = view.risk.instrument;
  if (step.kind !== 'rest' || rules === undefined || uncoveredOf(key, view).isZero()) return false;
  switch (step.because) {
    case 'protected':
    case 'short':
      return true;
    case 'dust':
    case 'adoptedWorks':
      return view.form !== undefined && !isLeftDust(key, view, rules);
    default:
      return false;
  }
}

export function heldOf(key: PositionKey, { positions }: RiskView): Decimal {
  return decimal(positions.find((one) => one.strategy === key.strategy && one.instrument === key.instrument)?.quantity ?? '0');
}

/** A stop rests: it stays, unless it is not the right one any more or has woken without selling. */
function tend(stop: StoredOrder, target: Decimal, view: ProtectionView, rules: InstrumentRules): ProtectionStep {
  const { intentId } = stop;
  if (stop.triggeredTime !== null) {
    const waitMs = PROTOCOL.triggeredStopMs - ageMs(stop.triggeredTime, view);
    if (waitMs > 0) return { kind: 'rest', because: 'triggered', waitMs };
    return { kind: 'cancel', intentId, because: 'unfilledAfterTrigger' };
  }
  if (!unfilledOf(stop).eq(target)) return { kind: 'cancel', intentId, because: 'wrongQuantity' };
  if (!isOnGrid(stop, rules)) return { kind: 'cancel', intentId, because: 'filtersChanged' };
  return { kind: 'rest', because: 'protected' };
}

/** Something is held and nothing protects it. */
function protect(key: PositionKey, target: Decimal, view: ProtectionView, rules: InstrumentRules): ProtectionStep {
  const { risk, working, basis } = view;
  // What became of an earlier position's stops says nothing about this one.
  const recent = view.recent.filter((order) => !isByTimes(view) || basis === null || order.createdTime >= basis.createdTime);
  const entry = working.find((order) => order.side === 'buy' && order.timeInForce === 'IOC');
  if (entry !== undefined && ageMs(entry.createdTime, view) < ENTRY_FRESH_MS) {
    return { kind: 'rest', because: 'entryWorking', waitMs: ENTRY_WAIT_MS };
  }
  const { stopPrice, limitPrice } = stopPricesOf(basis ?? atCost(key, risk), rules);
  if (isDust(target, limitPrice, rules)) return { kind: 'rest', because: 'dust' };
  const waitMs = pauseAfterRefusalsMs(recent, risk.databaseTime, { countsSold: isOfOlderBuild(view), areAgesSigned: isByTimes(view) });
  if (waitMs > 0) return { kind: 'rest', because: 'refused', waitMs };
  if (isEscaping(recent)) {
    const tries = escapesSinceStop(recent, isOfOlderBuild(view));
    const collarBps = escapeCollarBps(risk.limits.collarBps, tries);
    return { kind: 'escape', sequence: view.escapes + 1, collarBps, stuck: collarBps >= PROTOCOL.exitCollarMaxBps && tries > 0 };
  }
  return { kind: 'placeStop', wish: { sequence: view.stops + 1, quantity: target, stopPrice, limitPrice } };
}

function whenNothingIsThere(key: PositionKey, view: ProtectionView, rules: InstrumentRules): ProtectionStep {
  return { kind: 'rest', because: isLeftDust(key, view, rules) ? 'dust' : 'short' };
}

/** What of a position no adopted sale may still sell, whether it is there or not. */
function leftOf(key: PositionKey, view: ProtectionView): Decimal {
  return maximum(ZERO, heldOf(key, view.risk).minus(spokenFor(view)));
}

/** … and whether the venue would take none of it, if it were there. */
function isLeftDust(key: PositionKey, view: ProtectionView, rules: InstrumentRules): boolean {
  const { limitPrice } = stopPricesOf(view.basis ?? atCost(key, view.risk), rules);
  return isDust(sellable(leftOf(key, view), rules), limitPrice, rules);
}

function whenNothingIsHeld(working: readonly StoredOrder[]): ProtectionStep {
  return working.length > 0 ? { kind: 'rest', because: 'entryWorking' } : { kind: 'done' };
}

/** A position that no entry of ours explains: what it cost says where it was opened. */
function atCost(key: PositionKey, risk: RiskView): StopBasis {
  const quantity = heldOf(key, risk);
  const cost = risk.positions.find((one) => one.strategy === key.strategy && one.instrument === key.instrument)?.cost ?? '0';
  const averagePrice = quantity.isZero() ? ZERO : decimal(cost).div(quantity);
  return { averagePrice: averagePrice.toFixed(), stopDistanceRatio: null };
}
