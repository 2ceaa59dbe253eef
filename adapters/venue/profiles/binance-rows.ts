import type { Balance, VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import type { Bar } from '../../../core/bars/bar.js';
import { decimal, decimalTextOf, text, ZERO, ZERO_TEXT, type Decimal, type DecimalText } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import { amountAt, decimalAt, rowOf, rowsOf, textAt, timeAt, unitAt, WireError, type Row } from '../wire-row.js';
import type { BarQuery, InstrumentOf } from './wire-profile.js';

const STATUSES: Readonly<Record<string, VenueOrder['status']>> = {
  NEW: 'accepted',
  PENDING_NEW: 'accepted',
  PENDING_CANCEL: 'accepted',
  PARTIALLY_FILLED: 'partiallyFilled',
  FILLED: 'filled',
  CANCELED: 'canceled',
  EXPIRED: 'expired',
  EXPIRED_IN_MATCH: 'expired',
  REJECTED: 'rejected',
};

/** The venue's word for an order's status in ours. @throws WireError for a word that is not documented. */
export function statusOf(word: string): VenueOrder['status'] {
  const status = STATUSES[word];
  if (status === undefined) throw new WireError(`the order status ${word} is not known`);
  return status;
}

/** @throws WireError for anything but BUY and SELL. */
export function sideOf(word: string): 'buy' | 'sell' {
  if (word === 'BUY') return 'buy';
  if (word === 'SELL') return 'sell';
  throw new WireError(`the side ${word} is not known`);
}

/** The types whose orders wait for a price. */
export function isStop(type: unknown): boolean {
  return typeof type === 'string' && /^(STOP_LOSS|TAKE_PROFIT)/.test(type);
}

/** An order as replies, look-ups and lists write it: `time` where it is given, else the moment of its transaction. */
export function orderOf(row: Row, instrumentOf: InstrumentOf): VenueOrder {
  return {
    venueOrderId: textAt(row, 'orderId'),
    clientOrderId: textAt(row, 'clientOrderId'),
    instrument: instrumentOf(textAt(row, 'symbol')),
    side: sideOf(textAt(row, 'side')),
    status: statusOf(textAt(row, 'status')),
    quantity: decimalAt(row, 'origQty'),
    executedQuantity: decimalAt(row, 'executedQty'),
    price: decimalAt(row, 'price'),
    // Replies to new orders do not say it; where it is said, false is a stop that waits.
    isTriggered: row['isWorking'] === true || (row['isWorking'] === undefined && !isStop(row['type'])),
    ...(isStopLoss(row['type']) && row['stopPrice'] !== undefined ? { stopPrice: decimalAt(row, 'stopPrice') } : {}),
    createdTime: timeAt(row, row['time'] === undefined ? 'transactTime' : 'time'),
  };
}

function isStopLoss(type: unknown): boolean {
  return type === 'STOP_LOSS' || type === 'STOP_LOSS_LIMIT';
}

/** The fills inside the reply to a new order. They took liquidity: what rests fills later, and is told elsewhere. */
export function fillsOfReply(row: Row, instrumentOf: InstrumentOf): readonly VenueFill[] {
  if (row['fills'] === undefined) return [];
  const rows = rowsOf(row['fills'], 'the fills');
  const amounts = amountsOfReply(row, rows);
  return rows.map((fill, index) => ({
    venueTradeId: textAt(fill, 'tradeId'),
    venueOrderId: textAt(row, 'orderId'),
    clientOrderId: textAt(row, 'clientOrderId'),
    instrument: instrumentOf(textAt(row, 'symbol')),
    side: sideOf(textAt(row, 'side')),
    price: decimalAt(fill, 'price'),
    quantity: decimalAt(fill, 'qty'),
    ...amounts[index],
    fee: decimalAt(fill, 'commission'),
    feeAsset: textAt(fill, 'commissionAsset'),
    liquiditySide: 'taker',
    eventTime: timeAt(row, 'transactTime'),
  }));
}

/**
 * The reply tells the amount of all fills together. Each whose price times quantity has no more places than the venue keeps is that; one that has
 * more is what the others leave. Of several of those only the sum is known, and nothing is said of them: the list of trades tells.
 */
function amountsOfReply(row: Row, fills: readonly Row[]): readonly { readonly amount?: DecimalText }[] {
  const { amount: total } = amountAt(row, 'cummulativeQuoteQty');
  const exact = fills.map((fill) => {
    const product = decimal(decimalAt(fill, 'price')).mul(decimal(decimalAt(fill, 'qty')));
    return product.decimalPlaces() <= PLACES ? product : undefined;
  });
  const known = exact.reduce((sum: Decimal, one) => sum.plus(one ?? ZERO), ZERO);
  const left = total === undefined ? undefined : decimal(total).minus(known);
  const isTold = left !== undefined && left.gte(0) && exact.filter((one) => one === undefined).length === 1;
  return exact.map((one) => (one !== undefined ? { amount: text(one) } : isTold ? { amount: text(left) } : {}));
}

/** A row of the account's own trades. */
export function fillOf(row: Row, instrumentOf: InstrumentOf): VenueFill {
  return {
    venueTradeId: textAt(row, 'id'),
    venueOrderId: textAt(row, 'orderId'),
    instrument: instrumentOf(textAt(row, 'symbol')),
    side: row['isBuyer'] === true ? 'buy' : 'sell',
    price: decimalAt(row, 'price'),
    quantity: decimalAt(row, 'qty'),
    ...amountAt(row, 'quoteQty'),
    fee: decimalAt(row, 'commission'),
    feeAsset: textAt(row, 'commissionAsset'),
    liquiditySide: row['isMaker'] === true ? 'maker' : 'taker',
    eventTime: timeAt(row, 'time'),
  };
}

/** Balances of the account; assets of which there is nothing are left out. */
export function balancesOf(info: unknown): readonly Balance[] {
  return rowsOf(rowOf(info, 'the account')['balances'], 'the balances')
    .map((row) => ({ asset: textAt(row, 'asset'), free: decimalAt(row, 'free'), locked: decimalAt(row, 'locked') }))
    .filter((balance) => balance.free !== ZERO_TEXT || balance.locked !== ZERO_TEXT);
}

/** An instrument's filters. A filter that is absent binds nothing: no minimum is 0, no step is the smallest unit. */
export function rulesOf(instrument: string, info: Row): InstrumentRules {
  const filters = new Map(rowsOf(info['filters'], 'the filters').map((row) => [textAt(row, 'filterType'), row]));
  const at = (filter: string, key: string): DecimalText | undefined => {
    const row = filters.get(filter);
    return row === undefined ? undefined : decimalAt(row, key);
  };
  const maxQuantity = at('LOT_SIZE', 'maxQty');
  const maxMarketQuantity = at('MARKET_LOT_SIZE', 'maxQty');
  return {
    instrument,
    base: textAt(info, 'baseAsset'),
    quote: textAt(info, 'quoteAsset'),
    ...unitAt(info, 'baseUnit', 'baseAssetPrecision'),
    ...unitAt(info, 'quoteUnit', 'quoteAssetPrecision'),
    trading: textAt(info, 'status') === 'TRADING',
    status: textAt(info, 'status'),
    tickSize: positive(at('PRICE_FILTER', 'tickSize')),
    stepSize: positive(at('LOT_SIZE', 'stepSize')),
    minQuantity: at('LOT_SIZE', 'minQty') ?? ZERO_TEXT,
    maxQuantity: maxQuantity === undefined || maxQuantity === ZERO_TEXT ? UNLIMITED : maxQuantity,
    ...(maxMarketQuantity === undefined || maxMarketQuantity === ZERO_TEXT ? {} : { maxMarketQuantity }),
    minNotional: at('NOTIONAL', 'minNotional') ?? at('MIN_NOTIONAL', 'minNotional') ?? ZERO_TEXT,
    // Of an account on the symbol; the second counts the first ones too: https://developers.binance.com/docs/binance-spot-api-docs/filters
    ...countAt('maxStops', filters.get('MAX_NUM_ALGO_ORDERS'), 'maxNumAlgoOrders'),
    ...countAt('maxOrders', filters.get('MAX_NUM_ORDERS'), 'maxNumOrders'),
    marketStop: Array.isArray(info['orderTypes']) && info['orderTypes'].includes('STOP_LOSS'),
  };
}

/** @throws WireError where a filter says what is no whole number: a bound that is not understood must not be taken for none. */
function countAt<Key extends string>(count: Key, filter: Row | undefined, key: string): Partial<Record<Key, number>> {
  if (filter === undefined) return {};
  const told = textAt(filter, key);
  if (!/^\d{1,9}$/.test(told)) throw new WireError(`${key} is not a number of orders`);
  return { [count]: Number(told) } as Partial<Record<Key, number>>;
}

/** The places in which the venue tells every amount. */
const PLACES = 8;
const SMALLEST_UNIT = decimalTextOf('0.00000001');
const UNLIMITED = decimalTextOf('1000000000000');

/** The venue writes a zero step for "not checked": its own smallest unit then. */
function positive(step: DecimalText | undefined): DecimalText {
  return step === undefined || step === ZERO_TEXT ? SMALLEST_UNIT : step;
}

/** One kline: [open time, open, high, low, close, volume, close time, …]. */
export function barOf(kline: unknown, query: BarQuery): Bar {
  if (!Array.isArray(kline)) throw new WireError('a bar is not a list');
  const row = rowOf(Object.fromEntries(kline.entries()), 'a bar');
  return {
    instrument: query.instrument,
    intervalMs: query.intervalMs,
    openTime: timeAt(row, '0'),
    closeTime: timeAt(row, '6'),
    open: decimalAt(row, '1'),
    high: decimalAt(row, '2'),
    low: decimalAt(row, '3'),
    close: decimalAt(row, '4'),
    volume: decimalAt(row, '5'),
  };
}
