import { failure, type Failure } from '../errors.js';
import { Decimal, ZERO_TEXT, decimal, text, type DecimalText } from '../money/index.js';
import type { Leg } from '../signal/signal.js';
import type { OrderPurpose, OrderType, TimeInForce } from './order-type.js';
import { isFinal, leavesQuantity, type OrderState, type OrderStatus, type VenueEnd } from './lifecycle.js';

/** An order row as the ledger holds it. Quantities in base, notionals in quote, times epoch ms. */
export interface StoredOrder {
  readonly intentId: string;
  readonly clientOrderId: string;
  readonly signalId: string | null;
  readonly account: string;
  readonly strategy: string;
  readonly strategyVersion: string;
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  readonly leg: Leg;
  readonly side: 'buy' | 'sell';
  readonly purpose: OrderPurpose;
  /** Which of its kind: the n-th try of a signal, the n-th stop or escape of a position. */
  readonly sequence: number;
  readonly status: OrderStatus;
  readonly type: OrderType;
  readonly postOnly: boolean;
  readonly timeInForce: TimeInForce;
  readonly quantity: DecimalText;
  readonly price: DecimalText;
  /** At which a stop wakes; null for all others. */
  readonly stopPrice: DecimalText | null;
  readonly reservedQuantity: DecimalText;
  readonly reservedNotional: DecimalText;
  readonly executedQuantity: DecimalText;
  readonly executedNotional: DecimalText;
  readonly venueOrderId: string | null;
  readonly venueStatus: VenueEnd | null;
  readonly venueExecutedQuantity: DecimalText | null;
  readonly signedTimestamp: number | null;
  /** By how much the clock may be off that it was signed by, ms; null or absent (builds up to 0.6): not known. */
  readonly clockErrorMs?: number | null;
  readonly receiveWindowMs: number | null;
  /** Until when it may rest, in the venue's time; then it is canceled. Null: until somebody wishes it. */
  readonly workingUntil: number | null;
  /** When the venue first showed that the price of a stop was reached, by the database's clock. */
  readonly triggeredTime: number | null;
  /** Since when its venue does not show it any more, by the database's clock; null while it does, and before it was seen. */
  readonly missingTime: number | null;
  readonly failures: readonly Failure[];
  readonly version: number;
  readonly createdTime: number;
  readonly updatedTime: number;
  readonly isFinal: boolean;
}

/**
 * Whether it is a sale by another hand that a person had taken over, as was done until 0.3: it rests until it fills, and nobody waits for that.
 * Exits of ours fill at once or not at all.
 */
export function isAdoptedSale({ purpose, timeInForce, status }: StoredOrder): boolean {
  return purpose === 'exit' && timeInForce === 'GTC' && (status === 'accepted' || status === 'partiallyFilled');
}

/** What was measured of the venue's clock may be off by this much without meaning anything; by more where its reading was long on its way. */
const SENT_SKEW_MS = 500;

/**
 * P11: whether what a venue shows under our id was there before we sent it, so that another hand has used the id: it is not ours. What the
 * venue has acknowledged by its own number is ours, whatever the clocks say; and of what was never sent the lifecycle says what it means.
 * @param time from which on the venue has it, by the venue's clock
 */
export function predatesSend(
  { signedTimestamp, clockErrorMs, ...order }: Pick<StoredOrder, 'signedTimestamp' | 'clockErrorMs' | 'venueOrderId'>,
  venueOrderId: string,
  time: number,
): boolean {
  if (order.venueOrderId === venueOrderId || signedTimestamp === null) return false;
  return time < signedTimestamp - Math.max(SENT_SKEW_MS, clockErrorMs ?? 0);
}

/** The part of the row that the lifecycle moves. */
export function stateOf(order: StoredOrder): OrderState {
  return {
    status: order.status,
    quantity: decimal(order.quantity),
    executedQuantity: decimal(order.executedQuantity),
    executedNotional: decimal(order.executedNotional),
    isTriggered: order.triggeredTime !== null,
    isMissing: order.missingTime !== null,
    ...(order.venueOrderId === null ? {} : { venueOrderId: order.venueOrderId }),
    ...(order.venueStatus === null ? {} : { venueEnd: order.venueStatus }),
    ...(order.venueExecutedQuantity === null ? {} : { venueExecutedQuantity: decimal(order.venueExecutedQuantity) }),
  };
}

/** The columns that a change of state writes. */
export interface OrderChange {
  readonly intentId: string;
  readonly account: string;
  /** The version that the change was decided on. */
  readonly version: number;
  readonly status: OrderStatus;
  readonly reservedQuantity: DecimalText;
  readonly reservedNotional: DecimalText;
  readonly executedQuantity: DecimalText;
  readonly executedNotional: DecimalText;
  readonly venueOrderId: string | null;
  readonly venueStatus: VenueEnd | null;
  readonly venueExecutedQuantity: DecimalText | null;
  readonly isTriggered: boolean;
  readonly isMissing: boolean;
  readonly isFinal: boolean;
  readonly failures: readonly Failure[];
}

/** What of an order has not been filled, final or not. In base. */
export function unfilledOf({ quantity, executedQuantity }: Pick<StoredOrder, 'quantity' | 'executedQuantity'>): Decimal {
  return decimal(quantity).minus(decimal(executedQuantity));
}

/** What to write so that `order` has the state `next`. Reservations follow what may still execute, in proportion. */
export function changeOf(order: StoredOrder, next: OrderState, failures: readonly Failure[] = []): OrderChange {
  const leaves = leavesQuantity(next);
  return {
    intentId: order.intentId,
    account: order.account,
    version: order.version,
    status: next.status,
    reservedQuantity: text(leaves),
    reservedNotional: reservedNotional(order, leaves),
    executedQuantity: text(next.executedQuantity),
    executedNotional: text(next.executedNotional),
    venueOrderId: next.venueOrderId ?? null,
    venueStatus: next.venueEnd ?? null,
    venueExecutedQuantity: next.venueExecutedQuantity === undefined ? null : text(next.venueExecutedQuantity),
    isTriggered: next.isTriggered === true,
    isMissing: next.isMissing === true,
    isFinal: isFinal(next.status),
    failures: isTakenAway(order, next) ? [...failures, failure('ORDER_CANCELED_ELSEWHERE')] : failures,
  };
}

/** Whether a stop that slept is seen to be canceled, and we had not wished it. Of one that has woken the venue may cancel what it cannot sell. */
function isTakenAway({ purpose, status, isFinal: wasFinal }: StoredOrder, next: OrderState): boolean {
  return purpose === 'stop' && next.status === 'canceled' && next.isTriggered !== true && !wasFinal && status !== 'pendingCancel';
}

/**
 * What the remainder may still cost. A buy reserves with its fee: the share is read from the row as it stands, and an
 * order that comes back from `notPlaced` (nothing reserved) reserves its notional anew, without the fee.
 */
function reservedNotional(order: StoredOrder, leaves: Decimal): DecimalText {
  if (order.side === 'sell' || leaves.isZero()) return ZERO_TEXT;
  const before = decimal(order.reservedQuantity);
  if (before.isZero()) return text(leaves.mul(decimal(order.price)));
  // Rounded up: what is set aside must cover what may be spent.
  return text(decimal(order.reservedNotional).mul(leaves).div(before).toDecimalPlaces(18, Decimal.ROUND_UP));
}
