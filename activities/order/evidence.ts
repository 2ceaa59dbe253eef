import { KeelsonError, type Failure, invariant } from '../../core/errors.js';
import { applyFill, entriesOf } from '../../core/ledger/position.js';
import { decimal } from '../../core/money/index.js';
import { transition, type OrderEvent } from '../../core/order/lifecycle.js';
import { changeOf, predatesSend, stateOf, type OrderChange, type StoredOrder } from '../../core/order/stored-order.js';
import { isUnresolved } from '../../core/reconcile/sight.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { OrderStore } from '../ports/store.js';
import type { VenueFill, VenueOrder } from '../ports/venue.js';
import { joined, orderEvent, ownerEvent, surpriseEvents } from './audit.js';

export interface Books {
  readonly store: OrderStore;
  readonly epoch: number;
}

/**
 * Moves an order by one event: read, decide by the lifecycle, write over the version read. An event that is illegal in
 * the order's present status changes nothing: the row has moved on, and what it says stands.
 * @param about what the audit log tells beside it
 */
export async function applyEvent(
  books: Books,
  intentId: string,
  event: OrderEvent,
  failures: readonly Failure[] = [],
  about: object = {},
): Promise<StoredOrder> {
  for (let attempt = 0; attempt < PROTOCOL.compareAndSetAttempts; attempt += 1) {
    const order = await mustFind(books, intentId);
    const moved = transition(stateOf(order), event);
    if (moved.kind === 'illegal') return order;
    const change = changeOf(order, moved.state, failures);
    const isUnchanged =
      moved.surprises.length === 0 &&
      change.status === order.status &&
      change.isTriggered === (order.triggeredTime !== null) &&
      change.isMissing === (order.missingTime !== null) &&
      change.venueOrderId === order.venueOrderId &&
      change.venueStatus === order.venueStatus &&
      change.venueExecutedQuantity === order.venueExecutedQuantity;
    if (isUnchanged) return order;
    const after = { ...order, ...change };
    const told =
      change.status === order.status ? {} : { audit: [orderEvent(change.status, after, { failures: change.failures, ...about })] };
    const concerns = order.purpose === 'stop' && !isOwnDoing(change);
    const owner = concerns || moved.surprises.length > 0 ? ownerEvent(order, moved.surprises) : {};
    const events = joined(
      told,
      owner,
      surpriseEvents(order, moved.surprises, { event: event.kind, from: order.status, to: change.status }),
    );
    const written = await books.store.changeOrder(change, books.epoch, events);
    if (written.kind !== 'conflict') return written.order;
  }
  throw new KeelsonError('INFRA_DATABASE', { detail: `order ${intentId} changed at every try to move it` });
}

/** That its stop rests, or that its cancel is wished, the owner need not be told: it waits for that itself. */
function isOwnDoing({ status, isTriggered }: OrderChange): boolean {
  return !isTriggered && (status === 'accepted' || status === 'pendingCancel');
}

/**
 * Books a fill, whoever saw it: stream, reply or poll (P15). A fill that is booked already changes nothing.
 * @param orderCreatedTime when its order was created, by the venue's clock; where that is not known, it was there when it filled
 * @returns the order that it belongs to, or undefined when it is none of ours.
 */
export function bookFill(
  books: Books,
  account: string,
  fill: VenueFill,
  orderCreatedTime: number = fill.eventTime,
): Promise<StoredOrder | undefined> {
  return book(books, account, fill, orderCreatedTime);
}

/** Since when the venue has what it shows under our id; or it is the answer to our own send, which needs no further proof. */
type Since = number | 'answered';

async function book(books: Books, account: string, fill: VenueFill, since: Since): Promise<StoredOrder | undefined> {
  for (let attempt = 0; attempt < PROTOCOL.compareAndSetAttempts; attempt += 1) {
    if (await books.store.isBooked(account, fill)) return books.store.orderByVenueIds({ account, ...fill });
    const order = await ownerOf(books, account, fill);
    if (order === undefined) return undefined;
    if (since !== 'answered' && (await isOlder(books, order, fill.venueOrderId, since))) return undefined;
    const quantity = decimal(fill.quantity);
    const price = decimal(fill.price);
    const moved = transition(stateOf(order), { kind: 'fill', quantity, price, venueOrderId: fill.venueOrderId });
    if (moved.kind === 'illegal') throw new Error(`invariant: a fill is evidence and legal in every status, not in ${moved.from}`);
    const { strategy, instrument, base, quote } = order;
    const position = await books.store.position({ account, strategy, instrument });
    const amount = fill.amount === undefined ? undefined : decimal(fill.amount);
    const ledgerFill = { side: fill.side, price, quantity, amount, fee: decimal(fill.fee), feeAsset: fill.feeAsset, base, quote };
    const change = changeOf(order, moved.state);
    const after = { ...order, ...change };
    const detail = {
      venueTradeId: fill.venueTradeId,
      price: fill.price,
      quantity: fill.quantity,
      ...(fill.amount === undefined ? {} : { amount: fill.amount }),
      fee: fill.fee,
      feeAsset: fill.feeAsset,
    };
    const booked = { audit: [{ ...orderEvent('booked', after, detail), kind: 'fill.booked' }] };
    const { failures } = change;
    const told =
      change.status === order.status ? {} : { audit: [orderEvent(change.status, after, failures.length > 0 ? { failures } : {})] };
    const { kind } = await books.store.bookFill({
      fill,
      order: change,
      position: { ...applyFill(position, ledgerFill), strategy, version: position.version },
      entries: entriesOf(ledgerFill),
      epoch: books.epoch,
      events: joined(booked, told, ownerEvent(order, moved.surprises), surpriseEvents(order, moved.surprises, detail)),
    });
    if (kind !== 'conflict') return books.store.order(order.intentId);
  }
  throw new KeelsonError('INFRA_DATABASE', { detail: `fill ${fill.venueTradeId} met a change at every try to book it` });
}

/**
 * Takes what the venue shows under the id of an order: that it exists, its fills, and how it ended. Whoever sees it comes by here, so that
 * what is older than our send is nowhere taken for ours (P11).
 */
export async function adopt(books: Books, intentId: string, found: VenueOrder, fills: readonly VenueFill[]): Promise<StoredOrder> {
  const order = await mustFind(books, intentId);
  return (await isOlder(books, order, found.venueOrderId, found.createdTime)) ? order : take(books, order, found, fills, found.createdTime);
}

/** Takes what the venue has answered to the send itself: that is ours, whatever the clocks say. */
export async function acknowledge(books: Books, intentId: string, found: VenueOrder, fills: readonly VenueFill[]): Promise<StoredOrder> {
  return take(books, await mustFind(books, intentId), found, fills, 'answered');
}

async function take(
  books: Books,
  { intentId, account, clientOrderId, stopPrice }: StoredOrder,
  found: VenueOrder,
  fills: readonly VenueFill[],
  since: Since,
): Promise<StoredOrder> {
  for (const fill of fills) await book(books, account, { ...fill, clientOrderId }, since);
  const { venueOrderId, status } = found;
  const isTriggered = found.isTriggered && stopPrice !== null;
  if (status === 'accepted' || status === 'partiallyFilled') {
    return applyEvent(books, intentId, { kind: 'accept', venueOrderId, isTriggered });
  }
  const executedQuantity = decimal(found.executedQuantity);
  return applyEvent(books, intentId, { kind: 'end', status, executedQuantity, venueOrderId, isTriggered });
}

/** Tells people of what was there before our send; it changes nothing of the order, which stays as little known as it was. */
async function isOlder({ store }: Books, order: StoredOrder, venueOrderId: string, createdTime: number): Promise<boolean> {
  if (!predatesSend(order, venueOrderId, createdTime)) return false;
  const { account, intentId, signedTimestamp } = order;
  const data = { createdTime, signedTimestamp, intentId };
  await store.openIncident({ incidents: [{ key: `createdBeforeSend:${intentId}`, account, kind: 'createdBeforeSend', data }] });
  return true;
}

async function mustFind(books: Books, intentId: string): Promise<StoredOrder> {
  const order = await books.store.order(intentId);
  invariant(order !== undefined, `order ${intentId} was authorised and must have a row`);
  return order;
}

/** The order that a fill belongs to; a fill that is none of ours is an incident. */
async function ownerOf(books: Books, account: string, fill: VenueFill): Promise<StoredOrder | undefined> {
  const order = await books.store.orderByVenueIds({ account, ...fill });
  if (order !== undefined) return order;
  if (fill.clientOrderId === undefined) {
    // A list of trades names no client id: while an order of the instrument waits to be looked up, the fill may be its own,
    // and the look-up will book it. One that was proven absent waits for nothing: its watch books what it finds (P13).
    const watched = await books.store.watchedOrders(account);
    if (watched.some((one) => one.instrument === fill.instrument && one.venueOrderId === null && isUnresolved(one))) return undefined;
    // The order that waited a moment ago may have learned its venue's id, or ended, since.
    const learned = await books.store.orderByVenueIds({ account, ...fill });
    if (learned !== undefined) return learned;
  }
  const key = `foreignFill:${account}:${fill.instrument}:${fill.venueTradeId}:${fill.venueOrderId}`;
  await books.store.openIncident({ incidents: [{ key, account, kind: 'foreignFill', data: fill }] });
  return undefined;
}
