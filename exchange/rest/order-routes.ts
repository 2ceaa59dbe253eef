import { faultEvent, type FaultRule } from '../faults/rule.js';
import type { JournalEvent, RequestEvent } from '../journal/record.js';
import type { ForcedOutcome } from '../matching/engine.js';
import { isOpen, type Order } from '../matching/order.js';
import { VenueError } from '../matching/venue-error.js';
import { symbolOf } from './lookups.js';
import { clientOrderIdOf, orderRequestOf } from './order-request.js';
import { canceledJson, orderJson, placedJson } from './render.js';
import { requestEventOf } from './request-event.js';
import type { Call, Routes } from './route.js';

/** Signed calls that make, show or end orders. */
export const ORDER_ROUTES: Routes = {
  'POST /api/v3/order': { security: 'trade', weight: 1, countsAsOrder: true, handle: (call) => journaled(call, placeOrder) },
  'POST /api/v3/order/test': { security: 'trade', weight: 1, handle: testOrder },
  'GET /api/v3/order': { security: 'read', weight: 4, handle: (call) => orderJson(orderAsked(call)) },
  'DELETE /api/v3/order': { security: 'trade', weight: 1, handle: (call) => journaled(call, cancelOrder) },
  'DELETE /api/v3/openOrders': { security: 'trade', weight: 1, handle: (call) => journaled(call, cancelOpenOrders) },
};

/** A refusal is written down too: who judges by the journal sees every attempt. */
export function journaled(call: Call, handle: (call: Call) => unknown): unknown {
  try {
    return handle(call);
  } catch (error) {
    if (error instanceof VenueError) call.venue.engine.note(call.now, requestEvent(call, error.code, error.message));
    throw error;
  }
}

export function requestEvent(call: Call, code: number, message: string): RequestEvent {
  return requestEventOf(call, call.admission, code, message);
}

export function placeOrder(call: Call): unknown {
  const { venue, params, account, now } = call;
  const request = orderRequestOf(venue, params);
  const atOnce = request.type === 'LIMIT' || request.type === 'MARKET';
  const type = params.oneOf('newOrderRespType', ['ACK', 'RESULT', 'FULL'], -1100, "Illegal value of 'newOrderRespType'.");
  const target = { call: call.name, account: account.name, symbol: request.symbol, side: request.side, type: request.type };
  const named = { ...target, clientOrderId: request.clientOrderId };
  const rule = venue.faults.take('order', named, now);
  const events: JournalEvent[] = [requestEvent(call, 0, ''), ...(rule === undefined ? [] : [faultEvent(rule, named)])];
  const order = venue.engine.place(account.name, request, now, rule === undefined ? undefined : forcedBy(rule), ...events);
  const hiding = venue.faults.take('visibility', named, now);
  if (hiding !== undefined) {
    venue.hide(order, hiding.delayMs);
    venue.noteFault(hiding, named);
  }
  return placedJson(order, venue.orders.fillsOf(order.orderId), type ?? (atOnce ? 'FULL' : 'ACK'));
}

function forcedBy({ fault, percent }: FaultRule): ForcedOutcome {
  return fault === 'expireInMatch' ? { status: 'EXPIRED_IN_MATCH' } : { status: 'CANCELED', percent };
}

function testOrder(call: Call): unknown {
  orderRequestOf(call.venue, call.params);
  return {};
}

export function cancelOrder(call: Call): unknown {
  const order = orderAsked(call, new VenueError(-2011, 'Unknown order sent.'));
  const cancelId = clientOrderIdOf(call.params, 'newClientOrderId') || `cancel-${order.orderId}`;
  call.venue.engine.cancel(order, cancelId, call.now, requestEvent(call, 0, ''));
  return canceledJson(order, cancelId);
}

function cancelOpenOrders(call: Call): unknown {
  const open = call.venue.orders
    .open(call.account.name, symbolOf(call))
    .filter((order) => isOpen(order) && !call.venue.isHidden(order.orderId));
  if (open.length === 0) throw new VenueError(-2011, 'Unknown order sent.');
  call.venue.engine.cancelAll(open, call.now, requestEvent(call, 0, ''));
  return open.map((order) => canceledJson(order, `cancel-${order.orderId}`));
}

function orderAsked(call: Call, unknown: VenueError = new VenueError(-2013, 'Order does not exist.')): Order {
  const symbol = symbolOf(call);
  const orderId = call.params.integer('orderId');
  const clientOrderId = call.params.optional('origClientOrderId');
  if (orderId === undefined && clientOrderId === undefined) {
    throw new VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
  }
  const { orders } = call.venue;
  const order =
    orderId === undefined
      ? orders.byClientId(call.account.name, symbol, clientOrderId as string)
      : orders.byId(call.account.name, symbol, orderId);
  if (order === undefined || call.venue.isHidden(order.orderId) || (clientOrderId !== undefined && order.clientOrderId !== clientOrderId))
    throw unknown;
  return order;
}
