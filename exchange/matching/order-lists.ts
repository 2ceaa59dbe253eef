import type { Order } from './order.js';
import { isOpen } from './order.js';

/** Two orders of which one ends the other ("one cancels the other"). */
export interface OrderList {
  readonly orderListId: number;
  readonly account: string;
  readonly symbol: string;
  readonly listClientOrderId: string;
  readonly time: number;
  /** The conditional leg, then the limit leg; the limit leg holds what is locked for both. */
  readonly orders: readonly [Order, Order];
}

/** Lists that have ended are forgotten when there are more than this; their orders are not. */
const RECENT_LISTS = 5000;

/** All order lists, by what clients ask for. */
export class OrderLists {
  readonly #lists = new Map<number, OrderList>();
  #lastId = 0;

  add(list: OrderList): void {
    this.#lists.set(list.orderListId, list);
    this.#lastId = list.orderListId;
    for (const [orderListId, old] of this.#lists) {
      if (this.#lists.size <= RECENT_LISTS) return;
      if (!isListOpen(old)) this.#lists.delete(orderListId);
    }
  }

  byId(orderListId: number): OrderList | undefined {
    return this.#lists.get(orderListId);
  }

  /** Oldest first. */
  ofAccount(account: string): OrderList[] {
    return [...this.#lists.values()].filter((list) => list.account === account);
  }

  /** The other leg of an order's list. */
  sibling(order: Order): Order | undefined {
    return this.#lists.get(order.orderListId)?.orders.find((other) => other.orderId !== order.orderId);
  }

  get nextId(): number {
    return this.#lastId + 1;
  }
}

export function isListOpen(list: OrderList): boolean {
  return list.orders.some(isOpen);
}
