import { amountOf, Decimal, ZERO, decimal, floorToStep, maximum, minimum } from '../money/index.js';
import { salesTaken, type InstrumentRules } from '../order/instrument.js';
import { unfilledOf, type StoredOrder } from '../order/stored-order.js';
import { isDust } from '../protection/dust.js';
import { escapeCollarBps } from '../protection/history.js';
import { sellWithin } from '../risk/draft.js';
import { filterFailures, inOneOrder } from '../risk/filters.js';
import { surelyHeld } from '../risk/free-to-sell.js';
import { PROTOCOL } from '../risk/limits.js';
import { policyOver, type KillSight, type KillView } from './view.js';

interface Key {
  readonly strategy: string;
  readonly instrument: string;
}

/** What a kill does next to sell what is held. One thing at a time: afterwards it looks again. */
export type FlattenStep = (Key & FlattenWork) | { readonly kind: 'done' };

/** … for one position. */
export type FlattenWork =
  /** Whether this order exists, or how it ended, must be known before anything of its position is sold. */
  | { readonly kind: 'settle'; readonly intentId: string }
  /** The stop holds the units that are about to be sold. */
  | { readonly kind: 'cancelStop'; readonly intentId: string }
  | {
      readonly kind: 'sell';
      readonly quantity: Decimal;
      readonly sequence: number;
      readonly collarBps: number;
      /** Orders of before that did not sell all. */
      readonly tries: number;
    };

export const positionName = ({ strategy, instrument }: Key): string => `${strategy} ${instrument}`;

/**
 * The next step to sell all that a latch says has to go (P27 to P29): one position after the other, each by orders that
 * fill at once within a collar that widens with each try. Pure.
 * @param aside names of positions with which nothing can be done for the moment: they keep no other from being sold
 */
export function planFlatten(view: KillView, sight: KillSight, aside: ReadonlySet<string> = new Set()): FlattenStep {
  for (const key of keysToFlatten(view)) {
    if (aside.has(positionName(key))) continue;
    const mine = view.working.filter((order) => isOf(order, key));
    const unsettled = mine.find((order) => order.purpose !== 'stop');
    if (unsettled !== undefined) return { kind: 'settle', ...key, intentId: unsettled.intentId };
    const stop = mine[0];
    const rules = view.instruments[key.instrument];
    const left = unsold(view, sight, key);
    const isGone = rules !== undefined && isNothing(left, key, sight, rules);
    const sale = isGone || rules === undefined ? undefined : saleOf(key, left, view, sight, rules);
    if (stop !== undefined) {
      // What is only not shown yet keeps its stop.
      if (isGone && unshown(view, sight, key).gt(ZERO)) continue;
      // Its row or its fills say that nothing is held, the other says something else: what rests stays (P28).
      const isContradicted = view.contradicted.some((one) => isOf(one, key));
      if (isGone && isContradicted) continue;
      // Of such a position nobody gives a stop back: it goes only where what may be sold is all that it protects (P28).
      if (isContradicted && unfilledOf(stop).gt(left)) continue;
      // As long as nothing could be sold its stop protects what is held: also where the gate would refuse the sale that follows.
      if (!isGone && (sale?.isTaken !== true || isResting(stop, key, view))) continue;
      return { kind: 'cancelStop', ...key, intentId: stop.intentId };
    }
    // Without a stop a sale that is refused is tried all the same: its refusal is told to people.
    if (sale !== undefined) return { kind: 'sell', ...key, ...sale.wish };
  }
  return { kind: 'done' };
}

interface Sale {
  readonly wish: { readonly quantity: Decimal; readonly sequence: number; readonly collarBps: number; readonly tries: number };
  /** Whether the venue's filters let it through at its price: with a coarse tick that may lie far under the last one. */
  readonly isTaken: boolean;
}

/** The next sale of a position, its stop taken away; none while its instrument takes no sales, or has no price. */
function saleOf(key: Key, left: Decimal, { sold, risk }: KillView, { prices }: KillSight, rules: InstrumentRules): Sale | undefined {
  const price = prices[key.instrument];
  if (salesTaken(rules) === 'none' || price === undefined) return undefined;
  const quantity = inOneOrder(left, rules);
  const { count, tries } = sold.find((one) => isOf(one, key)) ?? NONE;
  const collarBps = escapeCollarBps(risk.limits.collarBps, tries);
  const draft = sellWithin(collarBps, 'flatten', quantity, decimal(price), rules);
  return { wish: { quantity, sequence: count + 1, collarBps, tries }, isTaken: filterFailures(draft, rules, risk.venue).length === 0 };
}

/** Why nothing of what is left of a position is sold just now. `refused`: no sale at its price passes the venue's filters. */
export function whyKept(key: Key, left: Decimal, view: KillView, sight: KillSight): 'halted' | 'noPrice' | 'refused' | undefined {
  const rules = view.instruments[key.instrument];
  if (rules === undefined || salesTaken(rules) === 'none') return 'halted';
  const sale = saleOf(key, left, view, sight, rules);
  if (sale === undefined) return 'noPrice';
  return sale.isTaken ? undefined : 'refused';
}

const NONE = { count: 0, tries: 0, lastTime: 0 };

/** So long what nobody has bought keeps the stop that it was given back, before it is offered again. */
const STOP_RESTS_MS = 10_000;

/** Whether this stop was placed because the sale has failed, and that was just now. One that has woken sells nothing any more by waiting. */
function isResting(stop: StoredOrder, key: Key, { sold, risk }: KillView): boolean {
  const { lastTime } = sold.find((one) => isOf(one, key)) ?? NONE;
  const isGivenBack = lastTime > 0 && stop.createdTime >= lastTime;
  return isGivenBack && stop.triggeredTime === null && risk.databaseTime - stop.createdTime < STOP_RESTS_MS;
}

/** Positions, and stops without one, that have to go. */
export function keysToFlatten(view: KillView): readonly Key[] {
  const stops = view.working.filter((order) => order.purpose === 'stop');
  const all = [...view.risk.positions, ...stops].map(({ strategy, instrument }) => ({ strategy, instrument }));
  const isFirst = (key: Key, index: number): boolean => all.findIndex((one) => isOf(one, key)) === index;
  return all.filter((key, index) => isFirst(key, index) && policyOver(view, key) === 'atOnce');
}

/**
 * Positions that have to go and of which something is left, while the venue has no order of theirs: nothing protects them (P22).
 * @param sight as far as the venue was looked at; without it, whatever our books hold
 */
export function bareKeys(view: KillView, sight: KillSight | undefined): readonly Key[] {
  return keysToFlatten(view).filter((key) => {
    if (view.working.some((order) => isOf(order, key))) return false;
    const rules = view.instruments[key.instrument];
    return sight === undefined || rules === undefined || !isNothing(unsold(view, sight, key), key, sight, rules);
  });
}

/**
 * What of a position is to be sold and is there: never more than our books say, and never more than the venue shows
 * beyond what was there before us, what other positions hold that stay, and what other orders may still sell. The
 * position's own stops do not count: they are taken away first.
 */
export function unsold(view: KillView, sight: KillSight, key: Key): Decimal {
  const { held, there } = sidesOf(view, sight, key);
  return maximum(ZERO, minimum(held, there));
}

/**
 * What of a position our books hold and the venue does not show, so soon after a fill that it may still show balances of before: that is not
 * gone. Zero where it is nothing, or where the venue would show it by now.
 */
export function unshown(view: KillView, sight: KillSight, key: Key): Decimal {
  const { held, there } = sidesOf(view, sight, key);
  const missing = maximum(ZERO, held.minus(maximum(ZERO, there)));
  const rules = view.instruments[key.instrument];
  const isShown = rules !== undefined && isNothing(missing, key, sight, rules);
  return isShown || !isJustFilled(view, sight, baseOf(view, key.instrument)) ? ZERO : missing;
}

/** Whether the venue may still show balances of before the last fill of an asset. */
export function isJustFilled({ lastFills, risk }: KillView, { shownMs }: KillSight, asset: string): boolean {
  const last = lastFills[asset];
  return last !== undefined && risk.databaseTime - last < shownMs;
}

/** What of a position our books say is to be sold, as the gate reckons it, and what of it the venue shows. */
function sidesOf(view: KillView, sight: KillSight, key: Key): { readonly held: Decimal; readonly there: Decimal } {
  const { positions } = view.risk;
  const base = baseOf(view, key.instrument);
  const sum = (values: readonly Decimal[]): Decimal => values.reduce((total, value) => total.plus(value), ZERO);
  const held = surelyHeld(key, positions);
  const sells = view.working.filter((order) => order.side === 'sell' && order.base === base);
  const isMine = (order: StoredOrder): boolean => isOf(order, key);
  const reserved = sum(sells.filter((order) => isMine(order) && order.purpose !== 'stop').map((order) => decimal(order.reservedQuantity)));
  // A position that goes too is not set aside: whichever of the two is sold first, the other has what remains.
  const staying = positions.filter((one) => baseOf(view, one.instrument) === base && !isOf(one, key) && policyOver(view, one) !== 'atOnce');
  const others = sells.filter((order) => !isMine(order) && !staying.some((one) => isOf(order, one)));
  const there = amountOf(sight.balances, base)
    // Below zero: more was taken out than the account ever had beside its positions, so what is missing is theirs.
    .minus(maximum(ZERO, amountOf(view.inventory, base)))
    .minus(sum(staying.map((one) => decimal(one.quantity))))
    .minus(sum(others.map((order) => decimal(order.reservedQuantity))))
    .minus(reserved);
  return { held: held.minus(reserved), there };
}

/** Whether so much of a position counts as nothing: the venue would not take it, even at the widest collar (P29). */
export function isNothing(quantity: Decimal, key: Key, sight: KillSight, rules: InstrumentRules): boolean {
  const price = decimal(sight.prices[key.instrument] ?? '0');
  const sellable = floorToStep(quantity, decimal(rules.stepSize));
  if (sellable.isZero()) return true;
  // Without a price nobody knows what it is worth: only what is under the step is then nothing.
  return price.isZero() ? sellable.lt(decimal(rules.minQuantity)) : isDust(sellable, worstPrice(price), rules);
}

/**
 * The instruments of which each of these positions is nothing, while the venue would take what there is of all of them (P29). No order of ours is
 * for several positions: none could say whose its fills are.
 */
export function takenTogether(
  dust: readonly (Key & { readonly quantity: Decimal })[],
  view: KillView,
  sight: KillSight,
): ReadonlySet<string> {
  const isTaken = (instrument: string): boolean => {
    const parts = dust.filter((one) => one.instrument === instrument);
    const rules = view.instruments[instrument];
    const sum = parts.reduce((total, { quantity }) => total.plus(quantity), ZERO);
    const there = parts.reduce((most, part) => maximum(most, sidesOf(view, sight, part).there), ZERO);
    return rules !== undefined && !isNothing(minimum(sum, there), { strategy: '', instrument }, sight, rules);
  };
  return new Set(dust.map(({ instrument }) => instrument).filter(isTaken));
}

function worstPrice(price: Decimal): Decimal {
  return price.mul(new Decimal(10_000 - PROTOCOL.exitCollarMaxBps).div(10_000));
}

function baseOf(view: KillView, instrument: string): string {
  return view.instruments[instrument]?.base ?? instrument.split('/')[0] ?? instrument;
}

function isOf(one: Key, key: Key): boolean {
  return one.strategy === key.strategy && one.instrument === key.instrument;
}
