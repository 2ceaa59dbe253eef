import type { Accounts, Permission } from '../accounts/accounts.js';
import type { Ledger } from '../accounts/ledger.js';
import type { OrderStore } from '../accounts/order-store.js';
import { unitsOf } from '../amount/units.js';
import type { OrderLists } from '../matching/order-lists.js';
import { isOpen, type Order, type OrderStatus } from '../matching/order.js';
import { fillOf, orderOf } from './codec.js';
import type { ActionEvent, FillEvent, JournalLine, JournalOrder, OrderListEvent, SessionEvent } from './record.js';

export interface RestoredState {
  readonly accounts: Accounts;
  readonly ledger: Ledger;
  readonly orders: OrderStore;
  readonly lists: OrderLists;
}

/** Rebuilds accounts, balances, orders and fills from journal lines, in their order. */
export class Restore {
  readonly #state: RestoredState;
  readonly lastTradeIds = new Map<string, number>();
  /** Instruments that were halted by hand. */
  readonly halted = new Set<string>();
  /** As it was set by hand. */
  clockShiftMs = 0;
  lastOrderId = 0;
  session: SessionEvent | undefined;

  constructor(state: RestoredState) {
    this.#state = state;
  }

  apply(line: JournalLine, offset: number): void {
    const lists: OrderListEvent[] = [];
    for (const event of line.events) {
      if (event.type === 'session') this.session = event;
      else if (event.type === 'account') {
        const { type: _, ...account } = event;
        this.#state.accounts.set({ ...account, permissions: account.permissions as Permission[] });
      } else if (event.type === 'balance') {
        this.#state.ledger.restore({ ...event, free: unitsOf(event.free), locked: unitsOf(event.locked) });
      } else if (event.type === 'order') this.#order(event.order);
      else if (event.type === 'fill') this.#fill(event, line.time);
      else if (event.type === 'orderList') lists.push(event);
      else if (event.type === 'action') this.#action(event);
    }
    for (const list of lists) {
      const [first, second] = list.orderIds.map((orderId) => this.#state.orders.any(orderId) as Order) as [Order, Order];
      this.#state.lists.add({ ...list, time: line.time, orders: [first, second] });
    }
    this.#state.orders.placed(offset);
  }

  #action({ action, details }: ActionEvent): void {
    const symbol = String(details['symbol']);
    if (action === 'halt') this.halted.add(symbol);
    else if (action === 'resume') this.halted.delete(symbol);
    else if (action === 'shiftClock') this.clockShiftMs = Number(details['shiftMs']);
  }

  #order(written: JournalOrder): void {
    const order = orderOf(written);
    const known = this.#state.orders.any(order.orderId);
    if (known === undefined) {
      this.#state.orders.add(order);
      this.lastOrderId = Math.max(this.lastOrderId, order.orderId);
      return;
    }
    Object.assign(known, order);
    if (!isOpen(known)) this.#state.orders.close(known);
  }

  #fill(event: FillEvent, time: number): void {
    const order = this.#state.orders.any(event.orderId);
    if (order === undefined) throw new RangeError(`the journal has a fill of order ${event.orderId} but not the order`);
    this.#state.orders.addFill(fillOf(event, time));
    order.executed = unitsOf(event.executed);
    order.executedQuote = unitsOf(event.executedQuote);
    order.status = event.status as OrderStatus;
    order.locked = unitsOf(event.locked);
    order.updateTime = time;
    if (order.status === 'FILLED' && order.quoteQuantity > 0n) order.quantity = order.executed;
    if (!isOpen(order)) this.#state.orders.close(order);
    this.lastTradeIds.set(event.symbol, Math.max(this.lastTradeIds.get(event.symbol) ?? 0, event.tradeId));
  }
}
