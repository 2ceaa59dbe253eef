import { plainText, unitsOf } from '../amount/units.js';
import type { BalanceChange } from '../accounts/ledger.js';
import type { Side } from '../book/side.js';
import type { ExecutionReport, Fill, Order, OrderStatus, OrderType, TimeInForce } from '../matching/order.js';
import type { BalanceEvent, FillEvent, JournalOrder, OrderEvent } from './record.js';

/** A step of an order as the journal has it. */
export function eventOf({ execution, order, fill }: ExecutionReport): OrderEvent | FillEvent {
  if (fill === undefined) return { type: 'order', execution, order: journalOrderOf(order) };
  return {
    type: 'fill',
    tradeId: fill.tradeId,
    orderId: fill.orderId,
    account: fill.account,
    symbol: fill.symbol,
    clientOrderId: order.clientOrderId,
    side: fill.side,
    price: plainText(fill.price),
    quantity: plainText(fill.quantity),
    quote: plainText(fill.quote),
    commission: plainText(fill.commission),
    commissionAsset: fill.commissionAsset,
    maker: fill.maker,
    executed: plainText(order.executed),
    executedQuote: plainText(order.executedQuote),
    status: order.status,
    locked: plainText(order.locked),
  };
}

/** The whole of an order that has been filled. */
export function filledEventOf(order: Readonly<Order>): OrderEvent {
  return { type: 'order', execution: 'FILLED', order: journalOrderOf(order) };
}

export function balanceEventOf({ account, asset, free, locked }: BalanceChange): BalanceEvent {
  return { type: 'balance', account, asset, free: plainText(free), locked: plainText(locked) };
}

export function journalOrderOf(order: Readonly<Order>): JournalOrder {
  return {
    orderId: order.orderId,
    account: order.account,
    symbol: order.symbol,
    clientOrderId: order.clientOrderId,
    side: order.side,
    orderType: order.type,
    timeInForce: order.timeInForce,
    price: plainText(order.price),
    stopPrice: plainText(order.stopPrice),
    quantity: plainText(order.quantity),
    quoteQuantity: plainText(order.quoteQuantity),
    executed: plainText(order.executed),
    executedQuote: plainText(order.executedQuote),
    status: order.status,
    time: order.time,
    updateTime: order.updateTime,
    workingTime: order.workingTime,
    locked: plainText(order.locked),
    ahead: plainText(order.ahead),
    orderListId: order.orderListId,
  };
}

export function orderOf(order: JournalOrder): Order {
  return {
    orderId: order.orderId,
    account: order.account,
    symbol: order.symbol,
    clientOrderId: order.clientOrderId,
    side: order.side as Side,
    type: order.orderType as OrderType,
    timeInForce: order.timeInForce as TimeInForce,
    price: unitsOf(order.price),
    stopPrice: unitsOf(order.stopPrice),
    quantity: unitsOf(order.quantity),
    quoteQuantity: unitsOf(order.quoteQuantity),
    executed: unitsOf(order.executed),
    executedQuote: unitsOf(order.executedQuote),
    status: order.status as OrderStatus,
    time: order.time,
    updateTime: order.updateTime,
    workingTime: order.workingTime,
    locked: unitsOf(order.locked),
    ahead: unitsOf(order.ahead),
    orderListId: order.orderListId,
  };
}

export function fillOf(event: FillEvent, time: number): Fill {
  return {
    tradeId: event.tradeId,
    orderId: event.orderId,
    account: event.account,
    symbol: event.symbol,
    side: event.side as Side,
    price: unitsOf(event.price),
    quantity: unitsOf(event.quantity),
    quote: unitsOf(event.quote),
    commission: unitsOf(event.commission),
    commissionAsset: event.commissionAsset,
    time,
    maker: event.maker,
  };
}
