import type { Archive } from '../journal/archive.js';
import type { Fill, Order } from '../matching/order.js';
import { isOpen } from '../matching/order.js';
import { ClientIdIndex } from './client-id-index.js';
import { Columns, rowsOf } from './columns.js';

/** Which orders or fills of an account and instrument; what is left out matches everything. */
export interface HistoryQuery {
  /** Least order id, or least trade id. */
  readonly fromId?: number | undefined;
  /** Fills of one order. */
  readonly orderId?: number | undefined;
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
  readonly limit?: number | undefined;
  /** The oldest that match; otherwise the newest. Either way oldest first. */
  readonly isFromStart?: boolean | undefined;
  readonly isShown?: ((orderId: number) => boolean) | undefined;
}

/** Of one account and instrument. */
interface Shelf {
  readonly open: Map<number, Order>;
  /** Open orders by client order id. */
  readonly openByClientId: Map<string, Order>;
  readonly orders: Columns;
  readonly fills: Columns;
}

const ORDER = { id: 0, time: 1 } as const;
const FILL = { tradeId: 0, orderId: 1, time: 2, offset: 3 } as const;
const UNKNOWN_OFFSET = -1;
/** Orders that have ended stay whole in memory until this many newer ones have. */
export const RECENT_ORDERS = 10_000;

/**
 * Every order and fill, by what clients ask for. Open and recent ones are in memory; older ones are a few numbers and
 * their place in the journal. Without a journal the older ones are forgotten.
 */
export class OrderStore {
  readonly #recentOrders: number;
  readonly #shelves = new Map<string, Shelf>();
  readonly #orders = new Map<number, Order>();
  readonly #fillsOfOrder = new Map<number, Fill[]>();
  readonly #clientIds = new ClientIdIndex();
  /** Ended orders that are in memory, oldest first, from `#endedFrom` on. */
  #ended: number[] = [];
  #endedFrom = 0;
  /** Where each order ended, by order id. */
  readonly #offsets = new Columns(1);
  /** Orders and fills of the transaction that has no place in the journal yet. */
  readonly #unplacedOrders: number[] = [];
  readonly #unplacedFills: { readonly shelf: Shelf; readonly row: number }[] = [];
  archive: Archive | undefined;

  constructor(recentOrders: number = RECENT_ORDERS) {
    this.#recentOrders = recentOrders;
  }

  add(order: Order): void {
    const shelf = this.#shelf(order.account, order.symbol);
    this.#orders.set(order.orderId, order);
    shelf.orders.add(order.orderId, order.time);
    this.#clientIds.add(clientKey(order.account, order.symbol, order.clientOrderId), order.orderId);
    if (!isOpen(order)) return;
    shelf.open.set(order.orderId, order);
    shelf.openByClientId.set(order.clientOrderId, order);
  }

  /** To be called when an order has ended. */
  close(order: Order): void {
    const shelf = this.#shelf(order.account, order.symbol);
    if (!shelf.open.delete(order.orderId)) return;
    shelf.openByClientId.delete(order.clientOrderId);
    this.#ended.push(order.orderId);
    this.#unplacedOrders.push(order.orderId);
  }

  addFill(fill: Fill): void {
    const shelf = this.#shelf(fill.account, fill.symbol);
    const row = shelf.fills.add(fill.tradeId, fill.orderId, fill.time, UNKNOWN_OFFSET);
    this.#unplacedFills.push({ shelf, row });
    const fills = this.#fillsOfOrder.get(fill.orderId);
    if (fills === undefined) this.#fillsOfOrder.set(fill.orderId, [fill]);
    else fills.push(fill);
  }

  /** The transaction is in the journal, at this byte; what is old enough may now leave memory. */
  placed(offset: number): void {
    for (const orderId of this.#unplacedOrders) {
      while (this.#offsets.rows <= orderId) this.#offsets.add(UNKNOWN_OFFSET);
      this.#offsets.set(orderId, 0, offset);
    }
    for (const { shelf, row } of this.#unplacedFills) shelf.fills.set(row, FILL.offset, offset);
    this.#unplacedOrders.length = 0;
    this.#unplacedFills.length = 0;
    while (this.#ended.length - this.#endedFrom > this.#recentOrders) {
      const orderId = this.#ended[this.#endedFrom] as number;
      this.#orders.delete(orderId);
      this.#fillsOfOrder.delete(orderId);
      this.#endedFrom += 1;
    }
    if (this.#endedFrom > this.#recentOrders) {
      this.#ended = this.#ended.slice(this.#endedFrom);
      this.#endedFrom = 0;
    }
  }

  byId(account: string, symbol: string, orderId: number): Order | undefined {
    const order = this.#orders.get(orderId) ?? this.#archived(orderId);
    return order?.account === account && order.symbol === symbol ? order : undefined;
  }

  /** Any account's order, while it is in memory: always when it is open. */
  any(orderId: number): Order | undefined {
    return this.#orders.get(orderId);
  }

  openByClientId(account: string, symbol: string, clientOrderId: string): Order | undefined {
    return this.#shelf(account, symbol).openByClientId.get(clientOrderId);
  }

  /** The newest order that has had the id: an id may be used again once its order has ended. */
  byClientId(account: string, symbol: string, clientOrderId: string): Order | undefined {
    for (const orderId of this.#clientIds.candidates(clientKey(account, symbol, clientOrderId))) {
      const order = this.byId(account, symbol, orderId);
      if (order?.clientOrderId === clientOrderId) return order;
    }
    return undefined;
  }

  /** Oldest first. */
  open(account: string, symbol: string): Order[] {
    return [...this.#shelf(account, symbol).open.values()];
  }

  openCount(account: string, symbol: string): number {
    return this.#shelf(account, symbol).open.size;
  }

  /** All open orders of all accounts. */
  *allOpen(): Iterable<Order> {
    for (const { open } of this.#shelves.values()) yield* open.values();
  }

  history(account: string, symbol: string, query: HistoryQuery = {}): Order[] {
    const { orders } = this.#shelf(account, symbol);
    const rows = rowsOf(orders, {
      limit: query.limit ?? Infinity,
      isFromStart: query.isFromStart ?? false,
      matches: (row) =>
        isWithin(query, orders.at(row, ORDER.time)) &&
        orders.at(row, ORDER.id) >= (query.fromId ?? 0) &&
        (query.isShown?.(orders.at(row, ORDER.id)) ?? true),
    });
    return rows.flatMap((row) => this.byId(account, symbol, orders.at(row, ORDER.id)) ?? []);
  }

  fills(account: string, symbol: string, query: HistoryQuery = {}): Fill[] {
    const ofOrder = query.orderId === undefined ? undefined : this.#orders.get(query.orderId);
    if (ofOrder !== undefined) return this.#fillsOfRecent(account, symbol, ofOrder, query);
    const { fills } = this.#shelf(account, symbol);
    const rows = rowsOf(fills, {
      limit: query.limit ?? Infinity,
      isFromStart: query.isFromStart ?? false,
      matches: (row) =>
        isWithin(query, fills.at(row, FILL.time)) &&
        fills.at(row, FILL.tradeId) >= (query.fromId ?? 0) &&
        (query.orderId === undefined || fills.at(row, FILL.orderId) === query.orderId) &&
        (query.isShown?.(fills.at(row, FILL.orderId)) ?? true),
    });
    return rows.flatMap((row) => this.#fillAt(fills, row) ?? []);
  }

  /** The commonest question, without a look at all fills. */
  #fillsOfRecent(account: string, symbol: string, order: Order, query: HistoryQuery): Fill[] {
    if (order.account !== account || order.symbol !== symbol || query.isShown?.(order.orderId) === false) return [];
    const found = this.fillsOf(order.orderId).filter((fill) => isWithin(query, fill.time) && fill.tradeId >= (query.fromId ?? 0));
    const limit = query.limit ?? Infinity;
    return query.isFromStart === true ? found.slice(0, limit) : found.slice(Math.max(0, found.length - limit));
  }

  /** While the order is in memory. */
  fillsOf(orderId: number): readonly Fill[] {
    return this.#fillsOfOrder.get(orderId) ?? [];
  }

  #fillAt(fills: Columns, row: number): Fill | undefined {
    const [tradeId, orderId, offset] = [fills.at(row, FILL.tradeId), fills.at(row, FILL.orderId), fills.at(row, FILL.offset)];
    const recent = this.#fillsOfOrder.get(orderId)?.find((fill) => fill.tradeId === tradeId);
    if (recent !== undefined || offset === UNKNOWN_OFFSET) return recent;
    return this.archive?.fill(offset, orderId, tradeId);
  }

  #archived(orderId: number): Order | undefined {
    const offset = orderId < this.#offsets.rows ? this.#offsets.at(orderId, 0) : UNKNOWN_OFFSET;
    return offset === UNKNOWN_OFFSET ? undefined : this.archive?.order(offset, orderId);
  }

  #shelf(account: string, symbol: string): Shelf {
    const key = `${account}|${symbol}`;
    let shelf = this.#shelves.get(key);
    if (shelf === undefined) {
      shelf = { open: new Map(), openByClientId: new Map(), orders: new Columns(2), fills: new Columns(4) };
      this.#shelves.set(key, shelf);
    }
    return shelf;
  }
}

function isWithin({ startTime = 0, endTime = Infinity }: HistoryQuery, time: number): boolean {
  return time >= startTime && time <= endTime;
}

function clientKey(account: string, symbol: string, clientOrderId: string): string {
  return `${account}|${symbol}|${clientOrderId}`;
}
