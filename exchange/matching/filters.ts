import { timesUnits, type Units } from '../amount/units.js';
import type { Instrument } from '../market/instrument.js';
import { executesAtMarket, isConditional, type OrderRequest } from './order.js';
import { filterFailure } from './venue-error.js';

export interface FilterContext {
  readonly lastPrice: Units;
  readonly openOrders: number;
  readonly openConditionalOrders: number;
}

/** Holds a request to exactly the filters that `exchangeInfo` describes. @throws VenueError −1013 with the filter's name. */
export function checkFilters(instrument: Instrument, request: OrderRequest, context: FilterContext): void {
  if (!executesAtMarket(request.type)) {
    checkPrice(instrument, request.price);
    checkBand(instrument, request, context.lastPrice);
  }
  if (isConditional(request.type)) checkPrice(instrument, request.stopPrice);
  checkQuantity(instrument, request);
  checkNotional(instrument, request, context.lastPrice);
  if (request.type !== 'MARKET' && context.openOrders >= instrument.maxOrders) throw filterFailure('MAX_NUM_ORDERS');
  if (isConditional(request.type) && context.openConditionalOrders >= instrument.maxConditionalOrders) {
    throw filterFailure('MAX_NUM_ALGO_ORDERS');
  }
}

function checkPrice(instrument: Instrument, price: Units): void {
  if (price < instrument.minPrice || price > instrument.maxPrice || price % instrument.tick !== 0n) {
    throw filterFailure('PRICE_FILTER');
  }
}

function checkBand(instrument: Instrument, request: OrderRequest, lastPrice: Units): void {
  const tooHigh = request.price > lastPrice * instrument.priceBandUp;
  const tooLow = request.price * instrument.priceBandDown < lastPrice;
  if (tooHigh || tooLow) throw filterFailure('PERCENT_PRICE_BY_SIDE');
}

function checkQuantity(instrument: Instrument, request: OrderRequest): void {
  if (request.quoteQuantity > 0n) return;
  const { quantity } = request;
  if (quantity < instrument.minQuantity || quantity > instrument.maxQuantity || quantity % instrument.step !== 0n) {
    throw filterFailure('LOT_SIZE');
  }
  if (executesAtMarket(request.type) && quantity > instrument.maxMarketQuantity) throw filterFailure('MARKET_LOT_SIZE');
}

function checkNotional(instrument: Instrument, request: OrderRequest, lastPrice: Units): void {
  const atMarket = executesAtMarket(request.type);
  const price = !atMarket ? request.price : request.stopPrice > 0n ? request.stopPrice : lastPrice;
  const notional = request.quoteQuantity > 0n ? request.quoteQuantity : timesUnits(price, request.quantity);
  // The upper bound does not apply to market orders, as exchangeInfo says.
  if (notional < instrument.minNotional || (!atMarket && notional > instrument.maxNotional)) throw filterFailure('NOTIONAL');
}
