import type { Units } from '../amount/units.js';
import type { Side } from '../book/side.js';

export const ORDER_TYPES = ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];

export const TIMES_IN_FORCE = ['GTC', 'IOC', 'FOK'] as const;
export type TimeInForce = (typeof TIMES_IN_FORCE)[number];

export type OrderStatus = 'NEW' | 'PARTIALLY_FILLED' | 'FILLED' | 'CANCELED' | 'REJECTED' | 'EXPIRED' | 'EXPIRED_IN_MATCH';

/** What an account asks for, checked for form only. Amounts that do not apply are zero. */
export interface OrderRequest {
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly clientOrderId: string;
  readonly price: Units;
  readonly stopPrice: Units;
  readonly quantity: Units;
  readonly quoteQuantity: Units;
}

/** An order as the venue holds it. Mutable: only the matching engine and the journal's restore change it. */
export interface Order {
  readonly orderId: number;
  readonly account: string;
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly price: Units;
  readonly stopPrice: Units;
  /** Zero for a market order by quote amount until it is done, then what was bought or sold. */
  quantity: Units;
  readonly quoteQuantity: Units;
  executed: Units;
  /** Quote amount of all fills. */
  executedQuote: Units;
  status: OrderStatus;
  readonly time: number;
  updateTime: number;
  /** When it became able to match; -1 while a conditional order waits for its price. */
  workingTime: number;
  /** What of its asset (buy: quote, sell: base) is still locked for it. */
  locked: Units;
  /** Simulated quantity that was at its price before it and is served first. */
  ahead: Units;
  /** Of the list it belongs to, -1 for none. */
  readonly orderListId: number;
}

/** One side of a trade that belongs to an account. */
export interface Fill {
  readonly tradeId: number;
  readonly orderId: number;
  readonly account: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: Units;
  readonly quantity: Units;
  readonly quote: Units;
  readonly commission: Units;
  readonly commissionAsset: string;
  readonly time: number;
  readonly maker: boolean;
}

export type Execution = 'NEW' | 'TRIGGERED' | 'TRADE' | 'CANCELED' | 'EXPIRED' | 'REPLACED' | 'TRADE_PREVENTION';

/** A step of an order's life, for streams and journal. `order` is a copy taken at that moment. */
export interface ExecutionReport {
  readonly execution: Execution;
  readonly order: Readonly<Order>;
  readonly fill: Fill | undefined;
  /** On a cancel: the id under which the cancel was asked for. */
  readonly cancelClientOrderId: string | undefined;
  readonly time: number;
}

export function isOpen(order: Order): boolean {
  return order.status === 'NEW' || order.status === 'PARTIALLY_FILLED';
}

export function isConditional(type: OrderType): boolean {
  return type.startsWith('STOP_LOSS') || type.startsWith('TAKE_PROFIT');
}

/** Conditional, and its price has not been reached. */
export function isWaiting(order: Order): boolean {
  return order.workingTime < 0;
}

/** True for the types that carry no limit price once they work. */
export function executesAtMarket(type: OrderType): boolean {
  return type === 'MARKET' || type === 'STOP_LOSS' || type === 'TAKE_PROFIT';
}

export function leavesQuantity(order: Order): Units {
  return order.quantity - order.executed;
}
