import { amountOf, maximum, text, ZERO, type DecimalText } from '../money/index.js';
import { looksLikeOurs } from '../order/own-name.js';
import type { StoredOrder } from '../order/stored-order.js';
import { isJustFilled, isNothing, keysToFlatten, takenTogether, unshown, unsold, whyKept } from './flatten.js';
import { policyOfWhole, policyOver, type KillLatch, type KillSight, type KillView, type OpenOrder } from './view.js';

/** Something that keeps a halt from being verified, exactly. */
export type Unverified =
  /** What became of an order of ours is not known, or it still works. `undecided`: no look-up tells it any more, and a person has to decide it (P11, P12). */
  | {
      readonly kind: 'order';
      readonly intentId: string;
      readonly instrument: string;
      readonly status: string;
      readonly because?: 'undecided';
    }
  /** The venue shows an open order that ought not to be there; not ours: it is nobody's that our books know. */
  | { readonly kind: 'openOrder'; readonly instrument: string; readonly venueOrderId: string; readonly isOurs: boolean }
  /**
   * Something is still held that has to go; `because`: why nothing of it is sold just now. `together`: it is less than the venue takes, and is not
   * with what others hold of the instrument.
   */
  | {
      readonly kind: 'exposure';
      readonly strategy: string;
      readonly instrument: string;
      readonly quantity: DecimalText;
      readonly because?: 'halted' | 'noPrice' | 'refused' | 'together';
    }
  /** Its row is not what its fills add up to: nothing is called flat, or protected, of which it is not known how much is held. */
  | {
      readonly kind: 'contradicted';
      readonly strategy: string;
      readonly instrument: string;
      readonly held: DecimalText;
      readonly filled: DecimalText;
    }
  /** More is there than our books and what was there before us explain. It is not ours to sell: a person has to look. */
  | { readonly kind: 'surplus'; readonly asset: string; readonly quantity: DecimalText }
  /** Our books and the venue's balances differ right after a fill, and the venue may still show those of before: it is looked at again. */
  | { readonly kind: 'settling'; readonly asset: string; readonly quantity: DecimalText }
  /** What is held and stays has not exactly its stop. */
  | { readonly kind: 'stop'; readonly strategy: string; readonly instrument: string; readonly because: string }
  /** The venue, or the database, does not answer. */
  | { readonly kind: 'unanswered'; readonly detail: string };

/** What a look was of: nothing is called verified by one from before. */
export interface Look {
  /** When the ledger was read for it, by the database's clock, epoch ms. */
  readonly time: number;
  /** The latches that stood then, and how strict each was, by `latchName`. */
  readonly under: readonly string[];
  /** So long the venue is left alone afterwards, so that the address is not closed; absent: it has room for another round. */
  readonly restMs?: number;
}

export const latchName = ({ latchId, policy }: Pick<KillLatch, 'latchId' | 'policy'>): string => `${latchId}:${policy}`;

/** What a look at ledger and venue shows of a halt. */
export interface Finding {
  /** Empty: the venue shows the target. It counts when it is seen twice (P28). */
  readonly unverified: readonly Unverified[];
  /** Less than the venue would take: it stays (P29). */
  readonly dust: readonly { readonly strategy: string; readonly instrument: string; readonly quantity: DecimalText }[];
  /** Stops that stay, since the policy sells nothing. */
  readonly kept: readonly string[];
  /** Missing where a build before 0.5 has looked. */
  readonly look?: Look;
}

/** What is still to be seen of a halt, by the ledger and by the venue (P28, P29). Pure. */
export function examine(view: KillView, sight: KillSight, stops: readonly Extract<Unverified, { kind: 'stop' }>[]): Finding {
  const kept = view.working.filter((order) => order.purpose === 'stop' && policyOver(view, order) === 'none' && isResting(order.status));
  const keptIds = new Set(kept.map((order) => order.intentId));
  const open = view.working.filter((order) => policyOver(view, order) !== undefined && !keptIds.has(order.intentId));
  const flat = keysToFlatten(view).map((key) => ({ ...key, quantity: unsold(view, sight, key) }));
  const rulesOf = (instrument: string) => view.instruments[instrument];
  const isDust = (one: (typeof flat)[number]): boolean => {
    const rules = rulesOf(one.instrument);
    return rules === undefined ? one.quantity.isZero() : isNothing(one.quantity, one, sight, rules);
  };
  const dust = flat.filter((one) => isDust(one) && one.quantity.gt(ZERO));
  const together = takenTogether(dust, view, sight);
  const isLeft = (one: (typeof flat)[number]): boolean => !isDust(one) || (dust.includes(one) && together.has(one.instrument));
  return {
    unverified: [
      ...open.map((order) => {
        const { intentId, instrument, status } = order;
        const at = { kind: 'order' as const, intentId, instrument, status };
        return isUndecided(order, sight) ? { ...at, because: 'undecided' as const } : at;
      }),
      ...openAtVenue(view, sight, new Set(kept.map((order) => order.clientOrderId))),
      ...flat.filter(isLeft).map((one) => {
        const { strategy, instrument, quantity } = one;
        const because = dust.includes(one) ? 'together' : whyKept(one, quantity, view, sight);
        const at = { kind: 'exposure' as const, strategy, instrument, quantity: text(quantity) };
        return because === undefined ? at : { ...at, because };
      }),
      ...flat
        .map((one) => ({ base: rulesOf(one.instrument)?.base ?? one.instrument, missing: unshown(view, sight, one) }))
        .filter(({ missing }) => missing.gt(ZERO))
        .map(({ base, missing }) => ({ kind: 'settling' as const, asset: base, quantity: text(missing) })),
      ...surpluses(view, sight),
      ...contradictions(view),
      // Of such a one that is said already, with both figures.
      ...stops.filter(({ because }) => because !== 'contradicted'),
      ...notShown(kept, sight),
    ],
    dust: dust
      .filter((one) => !isLeft(one))
      .map(({ strategy, instrument, quantity }) => ({ strategy, instrument, quantity: text(quantity) })),
    kept: kept.map((order) => order.intentId),
  };
}

/** So long after its window is over, and it would be shown, an order is proven absent at the first look that is answered. */
const PROVEN_WITHIN_MS = 30_000;

/** Whether an order is still unknown although every look-up would have told by now what became of it. */
function isUndecided({ status, signedTimestamp, receiveWindowMs }: StoredOrder, { venueTime, shownMs }: KillSight): boolean {
  if (status !== 'unknown' || signedTimestamp === null || venueTime === undefined) return false;
  return venueTime > signedTimestamp + (receiveWindowMs ?? 0) + shownMs + PROVEN_WITHIN_MS;
}

/** Whether nothing of this list of the venue's open orders has to go, and our books know all of it. */
export function isNothingToCancel(view: KillView, openOrders: readonly OpenOrder[]): boolean {
  const known = new Set(view.working.map((order) => order.clientOrderId));
  return openOrders.every((one) => known.has(one.clientOrderId)) && ordersToCancel(view, openOrders).length === 0;
}

/** Open orders at the venue that have to go: all, where the whole account is halted; else those of ours that a latch is over. */
export function ordersToCancel(view: KillView, openOrders: readonly OpenOrder[]): readonly OpenOrder[] {
  const ours = new Map(view.working.map((order) => [order.clientOrderId, order]));
  return openOrders.filter((one) => {
    const order = ours.get(one.clientOrderId);
    if (order === undefined) return goesUnknown(view, one);
    // A stop stays where nothing is sold, and goes only with what is sold where it is (P28).
    return order.purpose !== 'stop' && policyOver(view, order) !== undefined;
  });
}

/**
 * Whether an order that our books do not know has to go. Where nothing is sold, a stop that has a name of ours stays: a restored database
 * has lost its row, and what it protects may be in no books either (P31). Reconciliation names it, and no halt ends before a person has decided.
 */
function goesUnknown(view: KillView, { side, isTriggered, clientOrderId }: OpenOrder): boolean {
  const policy = policyOfWhole(view);
  const isLostStop = side === 'sell' && isTriggered === false && looksLikeOurs(clientOrderId);
  return policy === 'atOnce' || (policy === 'none' && !isLostStop);
}

/** Orders of ours that a latch is over, to be ended one by one. Stops stay, or go with what is sold (P28); what a kill sells is about to end. */
export function ordersToWithdraw(view: KillView): readonly StoredOrder[] {
  return view.working.filter(
    ({ purpose, ...order }) => purpose !== 'stop' && purpose !== 'flatten' && policyOver(view, order) !== undefined,
  );
}

function openAtVenue(view: KillView, { openOrders }: KillSight, kept: ReadonlySet<string>): Extract<Unverified, { kind: 'openOrder' }>[] {
  const ours = new Map(view.working.map((order) => [order.clientOrderId, order]));
  return openOrders
    .filter((one) => {
      const order = ours.get(one.clientOrderId);
      if (kept.has(one.clientOrderId)) return false;
      return order === undefined ? goesUnknown(view, one) : policyOver(view, order) !== undefined;
    })
    .map(({ instrument, venueOrderId, clientOrderId }) => ({
      kind: 'openOrder',
      instrument,
      venueOrderId,
      isOurs: ours.has(clientOrderId),
    }));
}

/** Stops that our books call resting, of which the venue shows nothing: they protect nobody until it is known what became of them. */
function notShown(kept: readonly StoredOrder[], { openOrders }: KillSight): Extract<Unverified, { kind: 'stop' }>[] {
  const shown = new Set(openOrders.map((one) => one.clientOrderId));
  return kept
    .filter((order) => !shown.has(order.clientOrderId))
    .map(({ strategy, instrument, intentId }) => ({ kind: 'stop', strategy, instrument, because: `the venue does not show ${intentId}` }));
}

/** Assets of which the venue shows more than we can explain; of what we trade, by more than it would take. What things are paid with is not held. */
function surpluses(view: KillView, sight: KillSight): Extract<Unverified, { kind: 'surplus' | 'settling' }>[] {
  if (policyOfWhole(view) !== 'atOnce') return [];
  const known = Object.values(view.instruments);
  const money = new Set([...view.money, ...known.map(({ quote }) => quote)]);
  return Object.keys(sight.balances).flatMap((asset) => {
    const surplus = maximum(ZERO, amountOf(sight.balances, asset).minus(amountOf(view.risk.balances, asset)));
    const traded = known.filter(({ base }) => base === asset);
    const isLittle = traded.every((rules) => isNothing(surplus, { strategy: '', instrument: rules.instrument }, sight, rules));
    if (money.has(asset) || surplus.isZero() || (traded.length > 0 && isLittle)) return [];
    return [{ kind: isJustFilled(view, sight, asset) ? ('settling' as const) : ('surplus' as const), asset, quantity: text(surplus) }];
  });
}

function contradictions(view: KillView): Extract<Unverified, { kind: 'contradicted' }>[] {
  return view.contradicted
    .filter((one) => policyOver(view, one) !== undefined)
    .map(({ strategy, instrument, held, filled }) => ({ kind: 'contradicted', strategy, instrument, held, filled }));
}

function isResting(status: string): boolean {
  return status === 'accepted' || status === 'partiallyFilled';
}

const WHY_KEPT = {
  halted: 'it does not trade',
  noPrice: 'there is no price',
  together: 'it is under the venue’s minimum, but not together with what others hold; sell it by hand at the venue',
  refused: 'the venue’s filters let no sale through at its price, so a stop that rests stays',
} as const;

/** In a few words, for people. */
export function unverifiedText(one: Unverified): string {
  switch (one.kind) {
    case 'order':
      return `order ${one.intentId} in ${one.instrument} is ${one.status}${one.because === undefined ? '' : ': the venue does not tell what became of it, a person has to decide'}`;
    case 'openOrder':
      return `${one.isOurs ? 'our' : 'a foreign'} order ${one.venueOrderId} in ${one.instrument} is open at the venue`;
    case 'exposure': {
      const why = one.because === undefined ? '' : `: ${WHY_KEPT[one.because]}`;
      return `${one.quantity} of ${one.instrument} (${one.strategy}) is still held${why}`;
    }
    case 'contradicted':
      return `${one.instrument} (${one.strategy}) is kept as ${one.held}, and its fills add up to ${one.filled}: how much is held is not known until a person has decided it (keelson reconcile decide)`;
    case 'surplus':
      return `${one.quantity} ${one.asset} more is at the venue than our books explain: not ours to sell, a person has to look`;
    case 'settling':
      return `the venue’s balances are ${one.quantity} ${one.asset} off our books right after a fill: it may show them late, and is looked at again`;
    case 'stop':
      return `${one.instrument} (${one.strategy}) has not its stop: ${one.because}`;
    case 'unanswered':
      return one.detail;
  }
}
