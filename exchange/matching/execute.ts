import { affordable, leastOf, timesUnits, type Units } from '../amount/units.js';
import { isBetter, type InstrumentBook } from '../book/instrument-book.js';
import { DEPTH_LEVELS } from '../book/depth.js';
import { opposite } from '../book/side.js';
import { executesAtMarket, isOpen, leavesQuantity, type Order, type OrderRequest } from './order.js';
import { settle, type SettlementContext } from './settle.js';
import type { Transaction } from './transaction.js';

export type ExecutionContext = SettlementContext;

/** `rest`: something is left and nothing more can be met. `selfTrade`: the next to meet is an order of the same account. */
export type Outcome = 'filled' | 'rest' | 'selfTrade';

/** Trades an order against the book until it is done, its limit is reached, or nothing is left to meet; `most` stops it earlier. */
export function execute(context: ExecutionContext, book: InstrumentBook, order: Order, tx: Transaction, most?: Units): Outcome {
  for (;;) {
    const met = book.meets(order.side);
    if (met === undefined || !crosses(order, met.price)) break;
    const allowed = most === undefined ? met.quantity : leastOf(met.quantity, most - order.executed);
    const quantity = leastOf(allowed, wanted(context, book, order, met.price));
    if (quantity <= 0n) break;
    if (met.order?.account === order.account) return 'selfTrade';
    if (met.order === undefined) book.consume(order.side, met.price, quantity);
    settle(context, book, { price: met.price, quantity, taker: order, maker: met.order }, tx);
    if (met.order !== undefined && !isOpen(met.order)) book.resting.remove(met.order);
    if (!isOpen(order)) return 'filled';
  }
  return closeByQuote(context, book, order, tx) ? 'filled' : 'rest';
}

/** What the book would give an order right now: the sums up to its quantity, quote amount and limit. */
export function fillsAtOnce(book: InstrumentBook, order: OrderRequest): { quantity: Units; quote: Units } {
  let [quantity, quote] = [0n, 0n];
  for (const level of book.levels(opposite(order.side), DEPTH_LEVELS * 2)) {
    if (!crosses(order, level.price)) break;
    const left =
      order.quoteQuantity > 0n ? affordable(order.quoteQuantity - quote, level.price, book.instrument.step) : order.quantity - quantity;
    const taken = leastOf(left, level.quantity);
    if (taken <= 0n) break;
    quantity += taken;
    quote += timesUnits(level.price, taken);
  }
  return { quantity, quote };
}

/** True when the last price has come to where a conditional order starts to work. */
export function hasReached(order: Pick<Order, 'type' | 'side' | 'stopPrice'>, lastPrice: Units): boolean {
  const wakesAbove = order.type.startsWith('STOP_LOSS') === (order.side === 'BUY');
  return wakesAbove ? lastPrice >= order.stopPrice : lastPrice <= order.stopPrice;
}

function crosses(order: Pick<Order, 'type' | 'side' | 'price'>, price: Units): boolean {
  return executesAtMarket(order.type) || !isBetter(opposite(order.side), order.price, price);
}

function wanted(context: ExecutionContext, book: InstrumentBook, order: Order, price: Units): Units {
  const { step, quote, base } = book.instrument;
  const asked = order.quoteQuantity > 0n ? affordable(order.quoteQuantity - order.executedQuote, price, step) : leavesQuantity(order);
  if (order.locked > 0n) return asked;
  // Nothing is locked for a market order: it can spend what is free at this moment and no more.
  if (order.side === 'BUY') return leastOf(asked, affordable(context.ledger.balance(order.account, quote).free, price, step));
  const { free } = context.ledger.balance(order.account, base);
  return leastOf(asked, free - (free % step));
}

/** A market order by quote amount is filled when the rest no longer pays for one step. */
function closeByQuote(context: ExecutionContext, book: InstrumentBook, order: Order, tx: Transaction): boolean {
  if (order.quoteQuantity === 0n || order.executed === 0n) return false;
  const met = book.meets(order.side);
  const left = order.quoteQuantity - order.executedQuote;
  if (met !== undefined && affordable(left, met.price, book.instrument.step) > 0n) return false;
  order.quantity = order.executed;
  order.status = 'FILLED';
  context.orders.close(order);
  const last = tx.reports[tx.reports.length - 1];
  // The report of the last fill is the one that says FILLED.
  if (last !== undefined) tx.reports[tx.reports.length - 1] = { ...last, order: { ...order } };
  return true;
}
