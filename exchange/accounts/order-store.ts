import type { Fill, Order } from '../matching/order.js';
import { isOpen } from '../matching/order.js';

/** Every order and fill, by what clients ask for. */
export class OrderStore {
  readonly #orders = new Map<number, Order>();
  readonly #open = new Map<string, Map<number, Order>>();
  /** Newest order of a client order id; an id may be used again once its order is done. */
  readonly #byClientId = new Map<string, Order>();
  readonly #history = new Map<string, Order[]>();
  readonly #fills = new Map<string, Fill[]>();
  readonly #fillsOfOrder = new Map<number, Fill[]>();

  add(order: Order): void {
    this.#orders.set(order.orderId, order);
    this.#byClientId.set(clientKey(order.account, order.symbol, order.clientOrderId), order);
    listIn(this.#history, bookKey(order.account, order.symbol)).push(order);
    if (isOpen(order)) this.#openOf(order).set(order.orderId, order);
  }

  /** To be called when an order has ended. */
  close(order: Order): void {
    this.#openOf(order).delete(order.orderId);
  }

  addFill(fill: Fill): void {
    listIn(this.#fills, bookKey(fill.account, fill.symbol)).push(fill);
    listIn(this.#fillsOfOrder, fill.orderId).push(fill);
  }

  byId(account: string, symbol: string, orderId: number): Order | undefined {
    const order = this.#orders.get(orderId);
    return order?.account === account && order.symbol === symbol ? order : undefined;
  }

  any(orderId: number): Order | undefined {
    return this.#orders.get(orderId);
  }

  byClientId(account: string, symbol: string, clientOrderId: string): Order | undefined {
    return this.#byClientId.get(clientKey(account, symbol, clientOrderId));
  }

  /** Oldest first. */
  open(account: string, symbol: string): Order[] {
    return [...(this.#open.get(bookKey(account, symbol))?.values() ?? [])];
  }

  openCount(account: string, symbol: string): number {
    return this.#open.get(bookKey(account, symbol))?.size ?? 0;
  }

  /** All open orders of all accounts. */
  *allOpen(): Iterable<Order> {
    for (const orders of this.#open.values()) yield* orders.values();
  }

  /** Oldest first. */
  history(account: string, symbol: string): readonly Order[] {
    return this.#history.get(bookKey(account, symbol)) ?? [];
  }

  /** Oldest first. */
  fills(account: string, symbol: string): readonly Fill[] {
    return this.#fills.get(bookKey(account, symbol)) ?? [];
  }

  fillsOf(orderId: number): readonly Fill[] {
    return this.#fillsOfOrder.get(orderId) ?? [];
  }

  #openOf(order: Order): Map<number, Order> {
    const key = bookKey(order.account, order.symbol);
    let open = this.#open.get(key);
    if (open === undefined) {
      open = new Map();
      this.#open.set(key, open);
    }
    return open;
  }
}

function listIn<K, V>(lists: Map<K, V[]>, key: K): V[] {
  let list = lists.get(key);
  if (list === undefined) {
    list = [];
    lists.set(key, list);
  }
  return list;
}

function bookKey(account: string, symbol: string): string {
  return `${account}|${symbol}`;
}

function clientKey(account: string, symbol: string, clientOrderId: string): string {
  return `${account}|${symbol}|${clientOrderId}`;
}
