import type { Accounts } from '../accounts/accounts.js';
import { MARKET_MAKER, type Ledger } from '../accounts/ledger.js';
import type { OrderStore } from '../accounts/order-store.js';
import { timesUnits, type Units } from '../amount/units.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import { isBetter } from '../book/instrument-book.js';
import { opposite } from '../book/side.js';
import { balanceEventOf, eventOf, filledEventOf } from '../journal/codec.js';
import type { JournalEvent } from '../journal/record.js';
import type { Journal } from '../journal/writer.js';
import { execute, fillsAtOnce, hasReached, type ExecutionContext } from './execute.js';
import type { FeeRates } from './fees.js';
import { checkFilters } from './filters.js';
import type { OrderList, OrderLists } from './order-lists.js';
import {
  executesAtMarket,
  isConditional,
  isOpen,
  isWaiting,
  leavesQuantity,
  type Execution,
  type ExecutionReport,
  type Order,
  type OrderRequest,
  type OrderStatus,
} from './order.js';
import { record, settle } from './settle.js';
import { transactionAt, type Committed, type Transaction } from './transaction.js';
import { DUPLICATE_ORDER, INSUFFICIENT_BALANCE, rejected, VenueError } from './venue-error.js';

export interface EngineParts {
  readonly books: ReadonlyMap<string, InstrumentBook>;
  readonly accounts: Accounts;
  readonly ledger: Ledger;
  readonly orders: OrderStore;
  readonly lists: OrderLists;
  readonly journal: Journal;
  readonly feeRates: FeeRates;
  /** How many read an account's events at this moment. */
  readonly readersOf: (account: string) => number;
  readonly onCommitted: (committed: Committed) => void;
}

/** A limit order and a conditional one on the same side. */
export interface PairRequest {
  readonly limit: OrderRequest;
  readonly conditional: OrderRequest;
  readonly listClientOrderId: string;
}

/** What a fault makes of an order that the venue has admitted. */
export type ForcedOutcome = { readonly status: 'EXPIRED_IN_MATCH' } | { readonly status: 'CANCELED'; readonly percent: number };

const NO_LIST = -1;
const MOST_TRIGGER_ROUNDS = 1000;

/**
 * The matching engine. Each public method is one transaction: it changes balances and orders, writes one journal line,
 * then tells the streams. A refusal changes nothing.
 */
export class Engine {
  readonly #parts: EngineParts;
  readonly #context: ExecutionContext;
  #nextOrderId = 1;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#context = {
      ...parts,
      priceOf: (asset, quote) => parts.books.get(asset + quote)?.lastPrice,
    };
  }

  /** The number that the next order gets; a restart goes on from the journal. */
  set nextOrderId(orderId: number) {
    this.#nextOrderId = orderId;
  }

  /** @throws VenueError when the venue refuses; nothing has changed then. */
  place(account: string, request: OrderRequest, time: number, forced?: ForcedOutcome, ...events: JournalEvent[]): Order {
    const tx = transactionAt(time, ...events);
    const order = this.#admit(account, request, tx, forced);
    this.#commit(tx);
    return order;
  }

  /**
   * Places two orders of which one ends the other. What both need is locked once, for the limit leg.
   * @throws VenueError when the venue refuses either; nothing has changed then.
   */
  placePair(account: string, pair: PairRequest, time: number, ...events: JournalEvent[]): OrderList {
    const tx = transactionAt(time, ...events);
    const book = this.#book(pair.limit.symbol);
    this.#checkPair(account, pair, book);
    const orderListId = this.#parts.lists.nextId;
    const conditional = this.#newOrder(account, pair.conditional, time, orderListId);
    const limit = { ...this.#newOrder(account, pair.limit, time, orderListId), orderId: conditional.orderId + 1 };
    const needed = [conditional, limit].map((order) => this.#needed(order, book)).reduce((a, b) => (a > b ? a : b));
    this.#lock(limit, book, needed);
    this.#nextOrderId += 2;
    const { symbol } = pair.limit;
    const list: OrderList = { orderListId, account, symbol, listClientOrderId: pair.listClientOrderId, time, orders: [conditional, limit] };
    this.#parts.lists.add(list);
    const orderIds = [conditional.orderId, limit.orderId] as const;
    tx.events.push({ type: 'orderList', orderListId, account, symbol, listClientOrderId: pair.listClientOrderId, orderIds });
    for (const order of list.orders) {
      this.#parts.orders.add(order);
      record(tx, 'NEW', order);
    }
    book.waiting.add(conditional);
    limit.ahead = book.depth.quantityAt(limit.side, limit.price);
    book.resting.add(limit);
    this.#commit(tx);
    return list;
  }

  /** @throws VenueError −2011 when the order is not open. */
  cancel(order: Order, cancelClientOrderId: string | undefined, time: number, ...events: JournalEvent[]): void {
    const tx = transactionAt(time, ...events);
    this.#cancel(order, cancelClientOrderId, tx);
    this.#commit(tx);
  }

  /** Fills an open order, or a part of it, at its own price (at market: at the last one) as if the tape had done it. */
  fillByHand(order: Order, quantity: Units, time: number, ...events: JournalEvent[]): void {
    const tx = transactionAt(time, ...events);
    const book = this.#book(order.symbol);
    const { lastPrice } = book;
    const wasWaiting = book.waiting.delete(order);
    if (wasWaiting) {
      order.workingTime = time;
      this.#takeOver(order, book, tx);
      record(tx, 'TRIGGERED', order);
    }
    const price = executesAtMarket(order.type) ? lastPrice : order.price;
    settle(this.#context, book, { price, quantity, taker: undefined, maker: order }, tx);
    // A price made by hand is not one that others should act on.
    book.lastPrice = lastPrice;
    this.#endSiblings(tx);
    if (!isOpen(order)) book.resting.remove(order);
    else if (executesAtMarket(order.type)) this.#end(order, 'EXPIRED', 'EXPIRED', undefined, tx);
    else if (wasWaiting) this.#work(book, order, tx);
    this.#endSiblings(tx);
    this.#wake(book, tx);
    this.#commit(tx);
  }

  /** Cancels what can be canceled of the given orders, as one transaction. */
  cancelAll(orders: readonly Order[], time: number, ...events: JournalEvent[]): void {
    const tx = transactionAt(time, ...events);
    for (const order of orders) if (isOpen(order)) this.#cancel(order, undefined, tx);
    this.#commit(tx);
  }

  /** Writes something down that changed no order: a refusal, a fault. */
  note(time: number, ...events: JournalEvent[]): void {
    this.#commit(transactionAt(time, ...events));
  }

  /** Puts an amount into an account (or, negative, takes it out) against the market maker. */
  deposit(account: string, asset: string, amount: Units, time: number, ...events: JournalEvent[]): void {
    this.#parts.ledger.move(asset, amount, MARKET_MAKER, account);
    this.#commit(transactionAt(time, ...events));
  }

  /**
   * The tape prints a trade: resting orders that it passes are filled, those it just reaches take turns behind the
   * simulated quantity that was there before them, and conditional orders wake.
   */
  print(book: InstrumentBook, price: Units, quantity: Units, time: number, buyerMaker: boolean): void {
    const tx = transactionAt(time);
    book.print({
      id: book.nextTradeId,
      symbol: book.instrument.symbol,
      price,
      quantity,
      quote: timesUnits(price, quantity),
      time,
      buyerMaker,
    });
    book.nextTradeId += 1;
    tx.trades.push(book.recentTrades[book.recentTrades.length - 1] as (typeof book.recentTrades)[number]);
    if (!book.isClosed) {
      this.#fillReached(book, 'BUY', price, quantity, tx);
      this.#fillReached(book, 'SELL', price, quantity, tx);
      this.#endSiblings(tx);
      // The tape's price is the last one, whatever the resting orders were filled at.
      book.lastPrice = price;
      this.#wake(book, tx);
    }
    this.#commit(tx);
  }

  /**
   * Puts an open order back into its book after a restart. What the simulated book has at its price goes before it: the
   * simulated book is new, and an order must not gain by a restart.
   */
  reopen(order: Order): void {
    const book = this.#book(order.symbol);
    if (isWaiting(order)) {
      book.waiting.add(order);
      return;
    }
    order.ahead = book.depth.quantityAt(order.side, order.price);
    book.resting.add(order);
  }

  #book(symbol: string): InstrumentBook {
    const book = this.#parts.books.get(symbol);
    if (book === undefined) throw new VenueError(-1121, 'Invalid symbol.');
    return book;
  }

  #admit(account: string, request: OrderRequest, tx: Transaction, forced: ForcedOutcome | undefined): Order {
    const book = this.#book(request.symbol);
    if (book.isClosed) throw new VenueError(-1013, 'Market is closed.');
    this.#check(account, request, book);
    const order = this.#newOrder(account, request, tx.time, NO_LIST);
    this.#lock(order, book);
    this.#nextOrderId += 1;
    this.#parts.orders.add(order);
    record(tx, 'NEW', order);
    if (forced !== undefined) {
      this.#force(book, order, forced, tx);
      return order;
    }
    if (isWaiting(order)) {
      book.waiting.add(order);
      return order;
    }
    this.#work(book, order, tx);
    this.#endSiblings(tx);
    this.#wake(book, tx);
    return order;
  }

  #check(account: string, request: OrderRequest, book: InstrumentBook): void {
    const { orders } = this.#parts;
    if (orders.openByClientId(account, request.symbol, request.clientOrderId) !== undefined) throw rejected(DUPLICATE_ORDER);
    const conditional = isConditional(request.type);
    checkFilters(book.instrument, request, {
      lastPrice: book.lastPrice,
      openOrders: orders.openCount(account, request.symbol),
      openConditionalOrders: conditional ? orders.open(account, request.symbol).filter((order) => isConditional(order.type)).length : 0,
    });
    if (conditional && hasReached(request, book.lastPrice)) throw rejected('Stop price would trigger immediately.');
    if (request.type === 'LIMIT_MAKER') {
      const met = book.meets(request.side);
      if (met !== undefined && !isBetter(opposite(request.side), request.price, met.price)) {
        throw rejected('Order would immediately match and take.');
      }
    }
  }

  #checkPair(account: string, { limit, conditional }: PairRequest, book: InstrumentBook): void {
    if (book.isClosed) throw new VenueError(-1013, 'Market is closed.');
    if (limit.clientOrderId !== '' && limit.clientOrderId === conditional.clientOrderId) throw rejected(DUPLICATE_ORDER);
    const last = book.lastPrice;
    const isOrdered =
      limit.side === 'SELL' ? limit.price > last && last > conditional.stopPrice : limit.price < last && last < conditional.stopPrice;
    if (!isOrdered) throw rejected('The relationship of the prices for the orders is not correct.');
    this.#check(account, limit, book);
    this.#check(account, conditional, book);
  }

  #newOrder(account: string, request: OrderRequest, time: number, orderListId: number): Order {
    const orderId = this.#nextOrderId;
    return {
      ...request,
      orderId,
      account,
      clientOrderId: request.clientOrderId === '' ? `paper-${orderId}` : request.clientOrderId,
      executed: 0n,
      executedQuote: 0n,
      status: 'NEW',
      time,
      updateTime: time,
      workingTime: isConditional(request.type) ? -1 : time,
      locked: 0n,
      ahead: 0n,
      orderListId,
    };
  }

  /** Locks what the order can cost. Market orders pay as they go; they are refused when the book asks for more than there is. */
  #lock(order: Order, book: InstrumentBook, needed: Units = this.#needed(order, book)): void {
    const { base, quote } = book.instrument;
    const asset = order.side === 'BUY' ? quote : base;
    const { free } = this.#parts.ledger.balance(order.account, asset);
    if (needed > free) throw rejected(INSUFFICIENT_BALANCE);
    if (order.type === 'MARKET') return;
    this.#parts.ledger.lock(order.account, asset, needed);
    order.locked = needed;
  }

  #needed(order: Order, book: InstrumentBook): Units {
    if (order.side === 'SELL') {
      if (order.quoteQuantity === 0n) return order.quantity;
      return fillsAtOnce(book, order).quantity;
    }
    if (order.quoteQuantity > 0n) return order.quoteQuantity;
    if (order.type === 'MARKET') return fillsAtOnce(book, order).quote;
    return timesUnits(executesAtMarket(order.type) ? order.stopPrice : order.price, order.quantity);
  }

  /** A fault's will: part of the order trades, as far as the book goes, and the venue ends the rest. */
  #force(book: InstrumentBook, order: Order, forced: ForcedOutcome, tx: Transaction): void {
    if (forced.status === 'CANCELED' && !isWaiting(order)) {
      const share = (order.quantity * BigInt(Math.round(forced.percent))) / 100n;
      execute(this.#context, book, order, tx, share - (share % book.instrument.step));
      this.#endSiblings(tx);
    }
    if (isOpen(order)) this.#end(order, forced.status, forced.status === 'CANCELED' ? 'CANCELED' : 'TRADE_PREVENTION', undefined, tx);
  }

  /** Lets an order that has just begun to work trade, then rest or expire by its type and time in force. */
  #work(book: InstrumentBook, order: Order, tx: Transaction): void {
    if (order.timeInForce === 'FOK' && !executesAtMarket(order.type) && fillsAtOnce(book, order).quantity < order.quantity) {
      this.#end(order, 'EXPIRED', 'EXPIRED', undefined, tx);
      return;
    }
    const outcome = execute(this.#context, book, order, tx);
    if (outcome === 'filled') return;
    if (outcome === 'selfTrade') this.#end(order, 'EXPIRED_IN_MATCH', 'TRADE_PREVENTION', undefined, tx);
    else if (executesAtMarket(order.type) || order.timeInForce !== 'GTC') {
      this.#end(order, 'EXPIRED', 'EXPIRED', undefined, tx);
    } else {
      order.ahead = book.depth.quantityAt(order.side, order.price);
      book.resting.add(order);
    }
  }

  #fillReached(book: InstrumentBook, side: 'BUY' | 'SELL', price: Units, volume: Units, tx: Transaction): void {
    let left = volume;
    for (const order of book.resting.reachedBy(side, price)) {
      const passed = order.price !== price;
      if (!passed) {
        const served = order.ahead < left ? order.ahead : left;
        book.advance(side, price, served);
        left -= served;
      }
      const leaves = leavesQuantity(order);
      const quantity = passed || leaves < left ? leaves : left;
      if (quantity <= 0n) continue;
      if (!passed) left -= quantity;
      settle(this.#context, book, { price: order.price, quantity, taker: undefined, maker: order }, tx);
      if (!isOpen(order)) book.resting.remove(order);
    }
  }

  #wake(book: InstrumentBook, tx: Transaction): void {
    for (let round = 0; round < MOST_TRIGGER_ROUNDS; round += 1) {
      const order = [...book.waiting].find((waiting) => hasReached(waiting, book.lastPrice));
      if (order === undefined) return;
      book.waiting.delete(order);
      order.workingTime = tx.time;
      order.updateTime = tx.time;
      this.#takeOver(order, book, tx);
      if (executesAtMarket(order.type)) this.#unlock(order, book);
      record(tx, 'TRIGGERED', order);
      this.#work(book, order, tx);
      this.#endSiblings(tx);
    }
  }

  /** The conditional leg of a list begins to work: the limit leg ends, and what it had locked is locked for this one. */
  #takeOver(order: Order, book: InstrumentBook, tx: Transaction): void {
    const sibling = this.#parts.lists.sibling(order);
    if (sibling === undefined || !isOpen(sibling)) return;
    book.resting.remove(sibling);
    this.#end(sibling, 'EXPIRED', 'EXPIRED', undefined, tx);
    this.#lock(order, book);
  }

  /** A limit leg that has traded ends the conditional one, and keeps locked only what it needs itself. */
  #endSiblings(tx: Transaction): void {
    for (const { order: traded, execution } of [...tx.reports]) {
      if (execution !== 'TRADE' || traded.orderListId === NO_LIST) continue;
      const sibling = this.#parts.lists.sibling(traded);
      if (sibling === undefined || !isWaiting(sibling) || !isOpen(sibling)) continue;
      const book = this.#book(traded.symbol);
      book.waiting.delete(sibling);
      this.#end(sibling, 'EXPIRED', 'EXPIRED', undefined, tx);
      const limit = this.#parts.orders.any(traded.orderId) as Order;
      const needed = limit.side === 'SELL' ? leavesQuantity(limit) : timesUnits(limit.price, leavesQuantity(limit));
      if (limit.locked <= needed) continue;
      const asset = limit.side === 'BUY' ? book.instrument.quote : book.instrument.base;
      this.#parts.ledger.unlock(limit.account, asset, limit.locked - needed);
      limit.locked = needed;
      // The journal takes what is locked from the order's last report.
      const last = tx.reports.findLastIndex((report) => report.order.orderId === limit.orderId);
      tx.reports[last] = { ...(tx.reports[last] as ExecutionReport), order: { ...limit } };
    }
  }

  #cancel(order: Order, cancelClientOrderId: string | undefined, tx: Transaction): void {
    if (!isOpen(order)) throw new VenueError(-2011, 'Unknown order sent.');
    const book = this.#book(order.symbol);
    book.resting.remove(order);
    book.waiting.delete(order);
    this.#end(order, 'CANCELED', 'CANCELED', cancelClientOrderId, tx);
    const sibling = this.#parts.lists.sibling(order);
    if (sibling !== undefined && isOpen(sibling)) this.#cancel(sibling, undefined, tx);
  }

  #end(order: Order, status: OrderStatus, execution: Execution, cancelId: string | undefined, tx: Transaction): void {
    this.#unlock(order, this.#book(order.symbol));
    order.status = status;
    order.updateTime = tx.time;
    if (order.quoteQuantity > 0n) order.quantity = order.executed;
    this.#parts.orders.close(order);
    record(tx, execution, order, cancelId);
  }

  #unlock(order: Order, book: InstrumentBook): void {
    this.#parts.ledger.unlock(order.account, order.side === 'BUY' ? book.instrument.quote : book.instrument.base, order.locked);
    order.locked = 0n;
  }

  #commit(tx: Transaction): void {
    const balances = this.#parts.ledger.takeChanges();
    const events = [...tx.events, ...tx.reports.flatMap((report) => eventsOf(report, tx)), ...balances.map(balanceEventOf)];
    for (const account of new Set([...tx.reports.map(({ order }) => order.account), ...balances.map((balance) => balance.account)])) {
      const readers = this.#parts.readersOf(account);
      if (readers === 0) continue;
      const executionReports = tx.reports.filter(({ order }) => order.account === account).length;
      events.push({ type: 'sent', account, readers, executionReports });
    }
    if (events.length > 0) this.#parts.orders.placed(this.#parts.journal.append(tx.time, events));
    this.#parts.onCommitted({ time: tx.time, reports: tx.reports, trades: tx.trades, balances });
  }
}

/** A fill that completes an order of an earlier transaction is followed by the whole order, so that one line has it all. */
function eventsOf(report: ExecutionReport, tx: Transaction): JournalEvent[] {
  const { order, fill } = report;
  const event = eventOf(report);
  if (fill === undefined || order.status !== 'FILLED') return [event];
  const isNew = tx.reports.some((other) => other.execution === 'NEW' && other.order.orderId === order.orderId);
  return isNew ? [event] : [event, filledEventOf(order)];
}
