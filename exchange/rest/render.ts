import { perUnit, wireText } from '../amount/units.js';
import type { Instrument } from '../market/instrument.js';
import type { Fill, Order } from '../matching/order.js';
import { isWaiting } from '../matching/order.js';

export const SELF_TRADE_PREVENTION = 'EXPIRE_TAKER';

/** An order as look-ups return it. */
export function orderJson(order: Readonly<Order>): Record<string, unknown> {
  return {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.orderListId,
    clientOrderId: order.clientOrderId,
    price: wireText(order.price),
    origQty: wireText(order.quantity),
    executedQty: wireText(order.executed),
    origQuoteOrderQty: wireText(order.quoteQuantity),
    cummulativeQuoteQty: wireText(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
    stopPrice: wireText(order.stopPrice),
    icebergQty: wireText(0n),
    time: order.time,
    updateTime: order.updateTime,
    isWorking: !isWaiting(order),
    workingTime: order.workingTime,
    selfTradePreventionMode: SELF_TRADE_PREVENTION,
  };
}

export type ResponseType = 'ACK' | 'RESULT' | 'FULL';

/** The reply to a new order. */
export function placedJson(order: Readonly<Order>, fills: readonly Fill[], type: ResponseType): Record<string, unknown> {
  const acknowledged = {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.orderListId,
    clientOrderId: order.clientOrderId,
    transactTime: order.updateTime,
  };
  if (type === 'ACK') return acknowledged;
  const result = {
    ...acknowledged,
    price: wireText(order.price),
    origQty: wireText(order.quantity),
    executedQty: wireText(order.executed),
    origQuoteOrderQty: wireText(order.quoteQuantity),
    cummulativeQuoteQty: wireText(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
    ...(order.stopPrice > 0n ? { stopPrice: wireText(order.stopPrice) } : {}),
    workingTime: order.workingTime,
    selfTradePreventionMode: SELF_TRADE_PREVENTION,
  };
  if (type === 'RESULT') return result;
  return {
    ...result,
    fills: fills.map((fill) => ({
      price: wireText(fill.price),
      qty: wireText(fill.quantity),
      commission: wireText(fill.commission),
      commissionAsset: fill.commissionAsset,
      tradeId: fill.tradeId,
    })),
  };
}

/** The reply to a cancel. */
export function canceledJson(order: Readonly<Order>, cancelClientOrderId: string): Record<string, unknown> {
  const { clientOrderId, ...rest } = placedJson(order, [], 'RESULT');
  return { ...rest, origClientOrderId: clientOrderId, clientOrderId: cancelClientOrderId };
}

export function fillJson(fill: Fill): Record<string, unknown> {
  return {
    symbol: fill.symbol,
    id: fill.tradeId,
    orderId: fill.orderId,
    orderListId: -1,
    price: wireText(fill.price),
    qty: wireText(fill.quantity),
    quoteQty: wireText(fill.quote),
    commission: wireText(fill.commission),
    commissionAsset: fill.commissionAsset,
    time: fill.time,
    isBuyer: fill.side === 'BUY',
    isMaker: fill.maker,
    isBestMatch: true,
  };
}

/** One entry of `exchangeInfo`: exactly what the filters check. */
export function instrumentJson(instrument: Instrument, halted: boolean): Record<string, unknown> {
  return {
    symbol: instrument.symbol,
    status: halted ? 'BREAK' : 'TRADING',
    baseAsset: instrument.base,
    baseAssetPrecision: 8,
    quoteAsset: instrument.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'],
    icebergAllowed: false,
    ocoAllowed: true,
    otoAllowed: false,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: false,
    cancelReplaceAllowed: true,
    amendAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: filtersJson(instrument),
    permissions: [],
    permissionSets: [['SPOT']],
    defaultSelfTradePreventionMode: SELF_TRADE_PREVENTION,
    allowedSelfTradePreventionModes: [SELF_TRADE_PREVENTION],
  };
}

function filtersJson(instrument: Instrument): Record<string, unknown>[] {
  const up = instrument.priceBandUp.toString();
  const down = wireText(perUnit(100_000_000n, instrument.priceBandDown * 100_000_000n));
  return [
    {
      filterType: 'PRICE_FILTER',
      minPrice: wireText(instrument.minPrice),
      maxPrice: wireText(instrument.maxPrice),
      tickSize: wireText(instrument.tick),
    },
    {
      filterType: 'LOT_SIZE',
      minQty: wireText(instrument.minQuantity),
      maxQty: wireText(instrument.maxQuantity),
      stepSize: wireText(instrument.step),
    },
    {
      filterType: 'MARKET_LOT_SIZE',
      minQty: wireText(0n),
      maxQty: wireText(instrument.maxMarketQuantity),
      stepSize: wireText(0n),
    },
    {
      filterType: 'PERCENT_PRICE_BY_SIDE',
      bidMultiplierUp: up,
      bidMultiplierDown: down,
      askMultiplierUp: up,
      askMultiplierDown: down,
      // 0: the last price.
      avgPriceMins: 0,
    },
    {
      filterType: 'NOTIONAL',
      minNotional: wireText(instrument.minNotional),
      applyMinToMarket: true,
      maxNotional: wireText(instrument.maxNotional),
      applyMaxToMarket: false,
      avgPriceMins: 0,
    },
    { filterType: 'MAX_NUM_ORDERS', maxNumOrders: instrument.maxOrders },
    { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: instrument.maxConditionalOrders },
  ];
}
