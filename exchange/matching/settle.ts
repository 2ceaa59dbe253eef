import { FEES, MARKET_MAKER, type Ledger } from '../accounts/ledger.js';
import type { Account, Accounts } from '../accounts/accounts.js';
import type { OrderStore } from '../accounts/order-store.js';
import { timesUnits, type Units } from '../amount/units.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import { commissionOf, type FeeRates } from './fees.js';
import { leavesQuantity, type Execution, type Fill, type Order } from './order.js';
import type { Transaction } from './transaction.js';

export interface SettlementContext {
  readonly accounts: Accounts;
  readonly ledger: Ledger;
  readonly orders: OrderStore;
  readonly feeRates: FeeRates;
  readonly priceOf: (asset: string, quote: string) => Units | undefined;
}

/** A match; `undefined` stands for the simulated book. At least one side is an order. */
export interface Match {
  readonly price: Units;
  readonly quantity: Units;
  readonly taker: Order | undefined;
  readonly maker: Order | undefined;
}

/** Moves base and quote between the two sides, takes commissions, and writes the trade into both orders. */
export function settle(context: SettlementContext, book: InstrumentBook, match: Match, tx: Transaction): void {
  const { price, quantity, taker, maker } = match;
  const { base, quote, symbol } = book.instrument;
  const amount = timesUnits(price, quantity);
  const takerBuys = taker === undefined ? maker?.side === 'SELL' : taker.side === 'BUY';
  const [buyer, seller] = takerBuys ? [taker, maker] : [maker, taker];
  if (buyer !== undefined) release(context.ledger, buyer, quote, timesUnits(buyer.price, quantity), quantity);
  if (seller !== undefined) release(context.ledger, seller, base, quantity, quantity);
  context.ledger.move(quote, amount, buyer?.account ?? MARKET_MAKER, seller?.account ?? MARKET_MAKER);
  context.ledger.move(base, quantity, seller?.account ?? MARKET_MAKER, buyer?.account ?? MARKET_MAKER);
  const id = book.nextTradeId;
  book.nextTradeId += 1;
  const trade = { id, symbol, price, quantity, quote: amount, time: tx.time, buyerMaker: !takerBuys };
  book.print(trade);
  tx.trades.push(trade);
  if (maker !== undefined) fill(context, book, maker, { id, price, quantity, amount, maker: true }, tx);
  if (taker !== undefined) fill(context, book, taker, { id, price, quantity, amount, maker: false }, tx);
}

/** Puts a step of the order's life into the transaction, with the order as it is now. */
export function record(tx: Transaction, execution: Execution, order: Order, cancelClientOrderId?: string, of?: Fill): void {
  tx.reports.push({ execution, order: { ...order }, fill: of, cancelClientOrderId, time: tx.time });
}

interface Share {
  readonly id: number;
  readonly price: Units;
  readonly quantity: Units;
  readonly amount: Units;
  readonly maker: boolean;
}

/** Frees what was locked for this part; with the last part also what rounding has left. */
function release(ledger: Ledger, order: Order, asset: string, reserved: Units, quantity: Units): void {
  if (order.locked === 0n) return;
  const isLast = leavesQuantity(order) === quantity;
  const freed = isLast || reserved > order.locked ? order.locked : reserved;
  ledger.unlock(order.account, asset, freed);
  order.locked -= freed;
}

function fill(context: SettlementContext, book: InstrumentBook, order: Order, share: Share, tx: Transaction): void {
  const { instrument } = book;
  order.executed += share.quantity;
  order.executedQuote += share.amount;
  order.updateTime = tx.time;
  const isDone = order.quantity > 0n && order.executed === order.quantity;
  order.status = isDone ? 'FILLED' : 'PARTIALLY_FILLED';
  if (isDone) context.orders.close(order);
  const commission = commissionOf(
    {
      account: context.accounts.byName(order.account) as Account,
      instrument,
      side: order.side,
      quantity: share.quantity,
      quote: share.amount,
      rate: share.maker ? context.feeRates.maker : context.feeRates.taker,
      priceOf: (asset) => context.priceOf(asset, instrument.quote),
    },
    context.ledger,
  );
  context.ledger.move(commission.asset, commission.amount, order.account, FEES);
  const made: Fill = {
    tradeId: share.id,
    orderId: order.orderId,
    account: order.account,
    symbol: order.symbol,
    side: order.side,
    price: share.price,
    quantity: share.quantity,
    quote: share.amount,
    commission: commission.amount,
    commissionAsset: commission.asset,
    time: tx.time,
    maker: share.maker,
  };
  context.orders.addFill(made);
  record(tx, 'TRADE', order, undefined, made);
}
