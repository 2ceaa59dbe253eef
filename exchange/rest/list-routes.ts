import type { OrderType } from '../matching/order.js';
import { isListOpen, type OrderList } from '../matching/order-lists.js';
import { VenueError } from '../matching/venue-error.js';
import { symbolOf, symbolsOf } from './lookups.js';
import { clientOrderIdOf, orderRequestOf } from './order-request.js';
import { journaled, requestEvent } from './order-routes.js';
import { missing, Params } from './params.js';
import { canceledJson, orderJson, placedJson } from './render.js';
import type { Call, Routes } from './route.js';

/** Pairs of orders of which one ends the other. */
export const LIST_ROUTES: Routes = {
  'POST /api/v3/orderList/oco': { security: 'trade', weight: 1, countsAsOrder: true, handle: (call) => journaled(call, placeAboveBelow) },
  'POST /api/v3/order/oco': { security: 'trade', weight: 1, countsAsOrder: true, handle: (call) => journaled(call, placeClassic) },
  'GET /api/v3/orderList': { security: 'read', weight: 4, handle: (call) => listJson(listAsked(call)) },
  'GET /api/v3/openOrderList': { security: 'read', weight: 6, handle: (call) => lists(call).filter(isListOpen).map(listJson) },
  'GET /api/v3/allOrderList': {
    security: 'read',
    weight: 20,
    handle: (call) => lists(call).slice(-call.params.limit(500, 1000)).map(listJson),
  },
  'DELETE /api/v3/orderList': { security: 'trade', weight: 1, handle: (call) => journaled(call, cancelList) },
};

/** The newer form: what is above the price and what is below it, each with its type. */
function placeAboveBelow(call: Call): unknown {
  const { params } = call;
  const types = { above: params.required('aboveType'), below: params.required('belowType') };
  const limitSide = types.above === 'LIMIT_MAKER' ? 'above' : 'below';
  if (types[limitSide] !== 'LIMIT_MAKER') throw new VenueError(-1116, 'One of aboveType and belowType must be LIMIT_MAKER.');
  const conditionalSide = limitSide === 'above' ? 'below' : 'above';
  const type = types[conditionalSide];
  if (type !== 'STOP_LOSS' && type !== 'STOP_LOSS_LIMIT') throw new VenueError(-1116, 'Invalid orderType.');
  return placePair(call, {
    price: `${limitSide}Price`,
    limitId: `${limitSide}ClientOrderId`,
    stopPrice: `${conditionalSide}StopPrice`,
    stopLimitPrice: `${conditionalSide}Price`,
    timeInForce: `${conditionalSide}TimeInForce`,
    conditionalId: `${conditionalSide}ClientOrderId`,
    type,
  });
}

/** The older form: price, stopPrice and perhaps stopLimitPrice. */
function placeClassic(call: Call): unknown {
  return placePair(call, {
    price: 'price',
    limitId: 'limitClientOrderId',
    stopPrice: 'stopPrice',
    stopLimitPrice: 'stopLimitPrice',
    timeInForce: 'stopLimitTimeInForce',
    conditionalId: 'stopClientOrderId',
    type: call.params.has('stopLimitPrice') ? 'STOP_LOSS_LIMIT' : 'STOP_LOSS',
  });
}

interface Names {
  readonly price: string;
  readonly limitId: string;
  readonly stopPrice: string;
  readonly stopLimitPrice: string;
  readonly timeInForce: string;
  readonly conditionalId: string;
  readonly type: OrderType;
}

function placePair(call: Call, names: Names): unknown {
  const { venue, params } = call;
  const both = { symbol: params.required('symbol'), side: params.required('side'), quantity: params.required('quantity') };
  const limit = { ...both, type: 'LIMIT_MAKER', price: params.required(names.price), newClientOrderId: params.optional(names.limitId) };
  const conditional = {
    ...both,
    type: names.type,
    stopPrice: params.required(names.stopPrice),
    price: params.optional(names.stopLimitPrice),
    timeInForce: params.optional(names.timeInForce),
    newClientOrderId: params.optional(names.conditionalId),
  };
  const pair = {
    limit: orderRequestOf(venue, paramsOf(limit)),
    conditional: orderRequestOf(venue, paramsOf(conditional)),
    listClientOrderId: clientOrderIdOf(params, 'listClientOrderId') || `list-${venue.lists.nextId}`,
  };
  const list = venue.engine.placePair(call.account.name, pair, call.now, requestEvent(call, 0, ''));
  return { ...listJson(list), orderReports: list.orders.map((order) => placedJson(order, [], 'RESULT')) };
}

function paramsOf(values: Readonly<Record<string, string | undefined>>): Params {
  return new Params(new Map(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined)));
}

function lists(call: Call): OrderList[] {
  const { symbols } = symbolsOf(call);
  return call.venue.lists.ofAccount(call.account.name).filter((list) => symbols.includes(list.symbol));
}

function listAsked(call: Call): OrderList {
  const orderListId = call.params.integer('orderListId');
  const clientId = call.params.optional('origClientOrderId') ?? call.params.optional('listClientOrderId');
  if (orderListId === undefined && clientId === undefined) throw missing('orderListId');
  const found = call.venue.lists
    .ofAccount(call.account.name)
    .findLast((list) => (orderListId === undefined ? list.listClientOrderId === clientId : list.orderListId === orderListId));
  if (found === undefined) throw new VenueError(-2018, 'Order list does not exist.');
  return found;
}

function cancelList(call: Call): unknown {
  symbolOf(call);
  const list = listAsked(call);
  if (!isListOpen(list)) throw new VenueError(-2011, 'Unknown order list sent.');
  call.venue.engine.cancelAll(list.orders, call.now, requestEvent(call, 0, ''));
  return { ...listJson(list), orderReports: list.orders.map((order) => canceledJson(order, `cancel-${order.orderId}`)) };
}

export function listJson(list: OrderList): Record<string, unknown> {
  const isOpen = isListOpen(list);
  return {
    orderListId: list.orderListId,
    contingencyType: 'OCO',
    listStatusType: isOpen ? 'EXEC_STARTED' : 'ALL_DONE',
    listOrderStatus: isOpen ? 'EXECUTING' : 'ALL_DONE',
    listClientOrderId: list.listClientOrderId,
    transactionTime: list.time,
    symbol: list.symbol,
    orders: list.orders.map((order) => {
      const { symbol, orderId, clientOrderId } = orderJson(order);
      return { symbol, orderId, clientOrderId };
    }),
  };
}
