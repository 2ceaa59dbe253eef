import type { Decimal } from '../money/index.js';
import { ZERO, maximum } from '../money/index.js';

export type OrderStatus =
  | 'initialized'
  | 'denied'
  | 'authorised'
  | 'submitting'
  | 'accepted'
  | 'partiallyFilled'
  | 'pendingCancel'
  | 'filled'
  | 'canceled'
  | 'expired'
  | 'rejected'
  | 'unknown'
  | 'notPlaced';

/** What a venue may call the end of an order. */
export type VenueEnd = 'filled' | 'canceled' | 'expired' | 'rejected';

/**
 * What can happen to an order. `accepted`, `fill` and `ended` are *evidence*: the venue has shown the order to be real,
 * so they are legal in every status, also in those that we thought final (protocol P13).
 */
export type OrderEvent =
  | { readonly kind: 'deny' }
  | { readonly kind: 'authorise' }
  /** P5's compare-and-set: from here on the order may have left. */
  | { readonly kind: 'submit' }
  /** Proven unsent: the authorisation passed, or was fenced, before P5. */
  | { readonly kind: 'expireUnsent' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'loseReply' }
  /** Absent at the venue after the admission window and its visibility bound (P11). */
  | { readonly kind: 'proveAbsent' }
  | { readonly kind: 'requestCancel' }
  /** It was there, and its venue does not show it any more. That proves nothing, and a person may decide on it. */
  | { readonly kind: 'miss' }
  | { readonly kind: 'accept'; readonly venueOrderId: string; readonly isTriggered?: boolean }
  | { readonly kind: 'fill'; readonly quantity: Decimal; readonly price: Decimal; readonly venueOrderId: string }
  | {
      readonly kind: 'end';
      readonly status: VenueEnd;
      readonly executedQuantity: Decimal;
      readonly venueOrderId: string;
      readonly isTriggered?: boolean;
    };

/** An order as the lifecycle sees it. Quantities in base, notionals in quote. */
export interface OrderState {
  readonly status: OrderStatus;
  readonly quantity: Decimal;
  readonly executedQuantity: Decimal;
  readonly executedNotional: Decimal;
  /** Of a stop: its price was reached, and it works or has worked. */
  readonly isTriggered?: boolean;
  /** The venue did not show it when it was asked last; what shows it ends that. */
  readonly isMissing?: boolean;
  readonly venueOrderId?: string;
  /** Set once the venue says that the order has ended; the order is final when our fills explain that quantity. */
  readonly venueEnd?: VenueEnd;
  readonly venueExecutedQuantity?: Decimal;
}

type Plain = Exclude<OrderEvent['kind'], 'accept' | 'fill' | 'end'>;

/** The transition table for what is not evidence. What is not listed is illegal. */
export const TRANSITIONS: Readonly<Record<OrderStatus, Readonly<Partial<Record<Plain, OrderStatus>>>>> = {
  initialized: { deny: 'denied', authorise: 'authorised' },
  authorised: { submit: 'submitting', expireUnsent: 'expired' },
  submitting: { reject: 'rejected', loseReply: 'unknown' },
  unknown: { reject: 'rejected', proveAbsent: 'notPlaced', loseReply: 'unknown' },
  accepted: { requestCancel: 'pendingCancel', miss: 'accepted' },
  partiallyFilled: { requestCancel: 'pendingCancel', miss: 'partiallyFilled' },
  pendingCancel: { requestCancel: 'pendingCancel', miss: 'pendingCancel' },
  denied: {},
  filled: {},
  canceled: {},
  expired: {},
  rejected: {},
  notPlaced: {},
};

const FINAL: ReadonlySet<OrderStatus> = new Set(['denied', 'filled', 'canceled', 'expired', 'rejected', 'notPlaced']);

export function isFinal(status: OrderStatus): boolean {
  return FINAL.has(status);
}

/** Legal, and true, but it contradicts what we had concluded: the order moves on and an incident is opened. */
export type Surprise = 'evidenceAfterFinal' | 'evidenceBeforeSend' | 'overfilled' | 'otherVenueOrderId';

export type Transition =
  | { readonly kind: 'moved'; readonly state: OrderState; readonly surprises: readonly Surprise[] }
  | { readonly kind: 'illegal'; readonly from: OrderStatus; readonly event: OrderEvent['kind'] };

/** Applies one event. Pure; every change of an order's status goes through here. */
export function transition(state: OrderState, event: OrderEvent): Transition {
  if (event.kind === 'accept' || event.kind === 'fill' || event.kind === 'end') return applyEvidence(state, event);
  const next = TRANSITIONS[state.status][event.kind];
  if (next === undefined) return { kind: 'illegal', from: state.status, event: event.kind };
  const isMissing = event.kind === 'miss' ? { isMissing: true } : {};
  return { kind: 'moved', state: { ...state, ...isMissing, status: next }, surprises: [] };
}

function applyEvidence(state: OrderState, event: Extract<OrderEvent, { venueOrderId: string }>): Transition {
  const surprises: Surprise[] = [];
  if (state.venueOrderId !== undefined && state.venueOrderId !== event.venueOrderId) surprises.push('otherVenueOrderId');
  // A stop may wake and end before anybody has seen it awake: its end tells that as well.
  const isTriggered = state.isTriggered === true || (event.kind !== 'fill' && event.isTriggered === true);
  let next: OrderState = { ...state, isTriggered, isMissing: false, venueOrderId: state.venueOrderId ?? event.venueOrderId };
  if (event.kind === 'fill') {
    next = {
      ...next,
      executedQuantity: next.executedQuantity.plus(event.quantity),
      executedNotional: next.executedNotional.plus(event.quantity.mul(event.price)),
    };
    if (next.executedQuantity.gt(next.quantity)) surprises.push('overfilled');
  }
  if (event.kind === 'end') {
    // The venue's executed quantity only grows: an older answer that arrives late changes nothing.
    const known = next.venueExecutedQuantity ?? ZERO;
    next = { ...next, venueEnd: event.status, venueExecutedQuantity: maximum(known, event.executedQuantity) };
  }
  const status = statusFromEvidence(next);
  // Nothing of ours has left before P5: somebody else sends with our ids.
  if (state.status === 'initialized' || state.status === 'authorised') surprises.push('evidenceBeforeSend');
  if (isFinal(state.status) && (event.kind === 'fill' || status !== state.status)) surprises.push('evidenceAfterFinal');
  return { kind: 'moved', state: { ...next, status }, surprises };
}

/** An order is final only when the sum of its fills equals the quantity that the venue says it executed (P15). */
function statusFromEvidence(state: OrderState): OrderStatus {
  const filledWhole = state.executedQuantity.gte(state.quantity);
  if (state.venueEnd !== undefined && state.executedQuantity.gte(state.venueExecutedQuantity ?? ZERO)) {
    return filledWhole ? 'filled' : state.venueEnd;
  }
  if (filledWhole) return 'filled';
  if (state.status === 'pendingCancel') return 'pendingCancel';
  return state.executedQuantity.isZero() ? 'accepted' : 'partiallyFilled';
}

/** What may still execute: the whole remainder until the order is final (P15), an unknown one included. */
export function leavesQuantity(state: OrderState): Decimal {
  if (isFinal(state.status)) return ZERO;
  return maximum(ZERO, state.quantity.minus(state.executedQuantity));
}

/** Average price of the fills in quote per base; undefined before the first. */
export function averagePrice(state: OrderState): Decimal | undefined {
  return state.executedQuantity.isZero() ? undefined : state.executedNotional.div(state.executedQuantity);
}
