import { failure, invariant } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { LookUp, Venue } from '../ports/venue.js';
import { applyEvent, adopt } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';

/** How far an order is: `open` orders are asked for again after `waitMs`. */
export interface Progress {
  readonly order: StoredOrder;
  readonly isSettled: boolean;
  readonly waitMs: number;
}

const POLL_MS = 2_000;
/** The venue's clock may have moved on between its answer and ours by this much without meaning anything. */
const CREATED_BEFORE_SEND_LIMIT_MS = 500;

/**
 * P11 and P15: takes an order one look-up further. Fences it first, so that nobody can still begin to send; then asks
 * the venue. Found: it is ours, with its fills. Absent: not placed only when the venue's own clock is past the window
 * and its visibility bound, twice. Never guesses: what is not proven stays as it is and is asked for again.
 */
export function createResolve(dependencies: OrderDependencies): (intentId: string) => Promise<Progress> {
  const { store, venueOf } = dependencies;
  return async (intentId) => {
    const order = await fence(dependencies, intentId);
    if (order.isFinal) return { order, isSettled: true, waitMs: 0 };
    const venue = venueOf(order.account);
    const seen = await venue.reader.lookUp(order.instrument, order.clientOrderId);
    if (seen.kind === 'found') return progress(await adoptFound(dependencies, venue, order, seen));
    if (order.status !== 'unknown') {
      // It was shown to be real once; a venue that no longer shows it is an incident, never "absent".
      await report(dependencies, order, 'workingOrderMissing', { venueTime: seen.venueTime });
      return progress(order);
    }
    if (venue.profile.admission === 'unbounded') {
      await report(dependencies, order, 'unknownUnbounded', { venueTime: seen.venueTime });
      return progress(order);
    }
    const windowEnd = (order.signedTimestamp ?? 0) + (order.receiveWindowMs ?? 0) + venue.profile.visibilityBoundMs;
    if (seen.venueTime <= windowEnd) return { order, isSettled: false, waitMs: windowEnd - seen.venueTime + 1 };
    const again = await venue.reader.lookUp(order.instrument, order.clientOrderId);
    if (again.kind === 'found') return progress(await adoptFound(dependencies, venue, order, again));
    return progress(await applyEvent({ store, epoch: dependencies.epoch }, intentId, { kind: 'proveAbsent' }));
  };
}

async function fence(dependencies: OrderDependencies, intentId: string): Promise<StoredOrder> {
  const { store, epoch } = dependencies;
  const order = await store.order(intentId);
  invariant(order !== undefined, `order ${intentId} was authorised and must have a row`);
  if (order.status === 'authorised') {
    // The fence may lose to a submit that begins at this moment: then the row is `submitting` and is fenced as such.
    const fenced = await applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' });
    if (fenced.status !== 'submitting') return fenced;
  }
  const detail = 'the reply did not come';
  const lost = failure('VENUE_OUTCOME_UNKNOWN', { order: intentId, venue: 'the venue', detail });
  return order.isFinal || order.status === 'unknown' || order.venueOrderId !== null
    ? order
    : applyEvent({ store, epoch }, intentId, { kind: 'loseReply' }, [lost]);
}

async function adoptFound(
  dependencies: OrderDependencies,
  venue: Venue,
  order: StoredOrder,
  seen: Extract<LookUp, { kind: 'found' }>,
): Promise<StoredOrder> {
  const { store, epoch } = dependencies;
  const signed = order.signedTimestamp;
  if (signed === null || seen.order.createdTime < signed - CREATED_BEFORE_SEND_LIMIT_MS) {
    await report(dependencies, order, 'createdBeforeSend', { createdTime: seen.order.createdTime, signedTimestamp: signed });
    return order;
  }
  const { venueOrderId } = seen.order;
  const hasFills = seen.order.executedQuantity !== '0';
  const fills = hasFills ? await venue.reader.fillsOfOrder(order.instrument, venueOrderId) : [];
  return adopt({ store, epoch }, order.intentId, seen.order, fills);
}

async function report(dependencies: OrderDependencies, order: StoredOrder, kind: string, data: object): Promise<void> {
  const { account, intentId } = order;
  await dependencies.store.openIncident({
    incidents: [{ key: `${kind}:${intentId}`, account, kind, data: { ...data, intentId } }],
  });
}

function progress(order: StoredOrder): Progress {
  return { order, isSettled: order.isFinal, waitMs: order.isFinal ? 0 : POLL_MS };
}
