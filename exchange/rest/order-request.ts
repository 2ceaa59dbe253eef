import { ORDER_TYPES, TIMES_IN_FORCE, type OrderRequest, type OrderType } from '../matching/order.js';
import { VenueError } from '../matching/venue-error.js';
import { checkedSymbol } from './lookups.js';
import { missing, type Params } from './params.js';
import type { Venue } from '../venue.js';

const CLIENT_ORDER_ID = /^[a-zA-Z0-9_.:/-]{1,36}$/;

interface Needs {
  readonly price: boolean;
  readonly stopPrice: boolean;
  readonly timeInForce: boolean;
}

const NEEDS: Readonly<Record<OrderType, Needs>> = {
  LIMIT: { price: true, stopPrice: false, timeInForce: true },
  LIMIT_MAKER: { price: true, stopPrice: false, timeInForce: false },
  MARKET: { price: false, stopPrice: false, timeInForce: false },
  STOP_LOSS: { price: false, stopPrice: true, timeInForce: false },
  STOP_LOSS_LIMIT: { price: true, stopPrice: true, timeInForce: true },
  TAKE_PROFIT: { price: false, stopPrice: true, timeInForce: false },
  TAKE_PROFIT_LIMIT: { price: true, stopPrice: true, timeInForce: true },
};

/** Reads a new order's parameters and holds them to the form that its type needs. @throws VenueError −1100 … −1121 */
export function orderRequestOf(venue: Venue, params: Params): OrderRequest {
  const symbol = checkedSymbol(venue, params.required('symbol'));
  const side = params.oneOf('side', ['BUY', 'SELL'], -1117, 'Invalid side.') ?? absent('side');
  const type = params.oneOf('type', ORDER_TYPES, -1116, 'Invalid orderType.') ?? absent('type');
  const timeInForce = params.oneOf('timeInForce', TIMES_IN_FORCE, -1115, 'Invalid timeInForce.');
  const needs = NEEDS[type];
  for (const name of ['price', 'stopPrice', 'timeInForce'] as const) {
    if (needs[name] && !params.has(name)) throw missing(name);
    if (!needs[name] && params.has(name)) throw unwanted(name);
  }
  for (const name of ['icebergQty', 'trailingDelta', 'pegPriceType']) if (params.has(name)) throw unwanted(name);
  params.oneOf('selfTradePreventionMode', ['EXPIRE_TAKER'], -1013, 'This symbol does not allow the specified self-trade prevention mode.');
  const quoteQuantity = type === 'MARKET' ? params.units('quoteOrderQty') : undefined;
  if (type !== 'MARKET' && params.has('quoteOrderQty')) throw unwanted('quoteOrderQty');
  const quantity = params.units('quantity');
  if (quantity === undefined && quoteQuantity === undefined) throw missing('quantity');
  if (quantity !== undefined && quoteQuantity !== undefined) throw unwanted('quoteOrderQty');
  const given = { price: params.units('price'), stopPrice: params.units('stopPrice'), quantity, quoteOrderQty: quoteQuantity };
  for (const [name, units] of Object.entries(given)) {
    if (units === 0n) throw new VenueError(-1013, `Invalid ${name}.`);
  }
  return {
    symbol,
    side,
    type,
    timeInForce: timeInForce ?? 'GTC',
    clientOrderId: clientOrderIdOf(params, 'newClientOrderId'),
    price: given.price ?? 0n,
    stopPrice: given.stopPrice ?? 0n,
    quantity: quantity ?? 0n,
    quoteQuantity: quoteQuantity ?? 0n,
  };
}

/** A client's own id, or nothing. @throws VenueError −1100 */
export function clientOrderIdOf(params: Params, name: string): string {
  const id = params.optional(name) ?? '';
  if (id !== '' && !CLIENT_ORDER_ID.test(id)) {
    throw new VenueError(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.`);
  }
  return id;
}

function absent(name: string): never {
  throw missing(name);
}

function unwanted(name: string): VenueError {
  return new VenueError(-1106, `Parameter '${name}' sent when not required.`);
}
