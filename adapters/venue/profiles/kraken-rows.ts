import type { Balance, VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import type { Bar } from '../../../core/bars/bar.js';
import { Decimal, decimal, decimalTextOf, isDecimalText, text, ZERO_TEXT, type DecimalText } from '../../../core/money/index.js';
import type { InstrumentRules } from '../../../core/order/instrument.js';
import { amountAt, decimalAt, rowOf, textAt, unitAt, WireError, type Row } from '../wire-row.js';
import type { BarQuery, InstrumentOf, Names } from './wire-profile.js';

const LONG_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A time in seconds with decimals, as epoch ms. @throws WireError when it is absent or not a positive number. */
export function secondsAt(row: Row, key: string): number {
  const value = Math.floor(Number(row[key]) * 1_000);
  if (!Number.isSafeInteger(value) || value <= 0) throw new WireError(`${key} is not a time`);
  return value;
}

function sideOf(word: string): 'buy' | 'sell' {
  if (word === 'buy' || word === 'sell') return word;
  throw new WireError(`the side ${word} is not known`);
}

/** The client's id in the form in which we gave it: the venue takes a UUID with and without hyphens. Absent on orders placed by hand. */
export function clientOrderIdOf(row: Row): string | undefined {
  const id = row['cl_ord_id'];
  if (typeof id !== 'string' || id === '') return undefined;
  return LONG_UUID.test(id) ? id.replaceAll('-', '').toLowerCase() : id;
}

/** An order as lists and look-ups write it. One that was placed without a client order id goes by the venue's own. */
export function orderOf(venueOrderId: string, row: Row, instrumentOf: InstrumentOf): VenueOrder {
  const description = rowOf(row['descr'], 'the description of an order');
  const type = textAt(description, 'ordertype');
  const quantity = decimalAt(row, 'vol');
  const executedQuantity = decimalAt(row, 'vol_exec');
  return {
    venueOrderId,
    clientOrderId: clientOrderIdOf(row) ?? venueOrderId,
    instrument: instrumentOf(textAt(description, 'pair')),
    side: sideOf(textAt(description, 'type')),
    status: statusOf(textAt(row, 'status'), quantity, executedQuantity),
    quantity,
    executedQuantity,
    price: limitOf(type, description),
    isTriggered: !/^(stop-loss|take-profit|trailing-stop)/.test(type) || wasTriggered(row['misc']),
    ...stopPriceOf(type, description['price']),
    createdTime: secondsAt(row, 'opentm'),
  };
}

/** Nothing where people wrote it relative to the market. */
function stopPriceOf(type: string, price: unknown): Pick<VenueOrder, 'stopPrice'> {
  const isStop = type === 'stop-loss' || type === 'stop-loss-limit';
  return isStop && isDecimalText(price) && decimal(price).gt(0) ? { stopPrice: decimalTextOf(price) } : {};
}

function wasTriggered(notes: unknown): boolean {
  return typeof notes === 'string' && /\b(stopped|touched)\b/.test(notes);
}

/** @throws WireError for a word that is not documented. */
function statusOf(word: string, quantity: DecimalText, executed: DecimalText): VenueOrder['status'] {
  switch (word) {
    case 'pending':
    case 'open':
      return executed === ZERO_TEXT ? 'accepted' : 'partiallyFilled';
    case 'closed':
      // Nothing of it works any more; what was not executed never will be.
      return executed === quantity ? 'filled' : 'canceled';
    case 'canceled':
    case 'expired':
      return word;
    default:
      throw new WireError(`the order status ${word} is not known`);
  }
}

/** 0 for orders without a limit, and for limits that people wrote relative to the market. */
function limitOf(type: string, description: Row): DecimalText {
  const limit = type === 'limit' || type === 'iceberg' ? description['price'] : type.endsWith('-limit') ? description['price2'] : undefined;
  return isDecimalText(limit) ? decimalTextOf(limit) : ZERO_TEXT;
}

/**
 * A trade of the account. Fees are in the quote asset: our orders ask for that (`fciq`). Of a trade by another hand the list says the same
 * amount whatever it was taken in; only the venue's ledger tells (`paidFeeOf`).
 */
export function fillOf(venueTradeId: string, row: Row, instrumentOf: InstrumentOf): VenueFill {
  const instrument = instrumentOf(textAt(row, 'pair'));
  return {
    venueTradeId,
    venueOrderId: textAt(row, 'ordertxid'),
    instrument,
    side: sideOf(textAt(row, 'type')),
    price: decimalAt(row, 'price'),
    quantity: decimalAt(row, 'vol'),
    ...amountAt(row, 'cost'),
    fee: decimalAt(row, 'fee'),
    feeAsset: instrument.split('/')[1] ?? instrument,
    isFeeAssumed: true,
    liquiditySide: row['maker'] === true ? 'maker' : row['maker'] === false ? 'taker' : 'unknown',
    eventTime: secondsAt(row, 'time'),
  };
}

/** What the entries of a trade in the venue's ledger say of its fee; undefined: not both are there (yet), or it was taken in several assets. */
export function paidFeeOf(entries: readonly Row[], names: Names): Pick<VenueFill, 'fee' | 'feeAsset'> | undefined {
  const [one, other] = entries;
  if (one === undefined || other === undefined) return undefined;
  const [first = one, second] = entries.filter((entry) => !decimal(decimalAt(entry, 'fee')).isZero());
  if (second !== undefined) return undefined;
  return { fee: decimalAt(first, 'fee'), feeAsset: names.assetOf(textAt(first, 'asset')) };
}

/** Balances of the account; assets of which there is nothing are left out. */
export function balancesOf(result: Row, names: Names): readonly Balance[] {
  return Object.entries(result).flatMap(([id, value]) => {
    const row = rowOf(value, 'a balance');
    const total = decimal(decimalAt(row, 'balance'));
    const locked = decimal(decimalAt(row, 'hold_trade'));
    return total.isZero() && locked.isZero() ? [] : [{ asset: names.assetOf(id), free: text(total.sub(locked)), locked: text(locked) }];
  });
}

/** The units in which the venue keeps assets: it rounds what a trade moves to so many places, and tells cost and fee of the trade in more. */
export function assetUnitsOf(result: Row): ReadonlyMap<string, DecimalText> {
  return new Map(
    Object.entries(result).flatMap(([id, value]) => {
      const { unit } = unitAt(rowOf(value, 'an asset'), 'unit', 'decimals');
      return unit === undefined ? [] : [[id, unit] as const];
    }),
  );
}

const UNLIMITED = decimalTextOf('1000000000000');

/** What is sold of what is held, by the status of a pair that takes no entries of ours; in others (post_only, cancel_only) nothing that sells at once is taken. */
const SALES: Readonly<Record<string, Pick<InstrumentRules, 'sales'>>> = { limit_only: { sales: 'limit' }, reduce_only: { sales: 'all' } };

/** An instrument's filters. Stops that sell at the market are taken on every instrument. */
export function rulesOf(instrument: string, info: Row): InstrumentRules {
  const [base = '', quote = ''] = instrument.split('/');
  const status = textAt(info, 'status');
  // A step of zero, or none at all, says no more than the decimals that a price is written in.
  const tickSize = info['tick_size'] === undefined ? ZERO_TEXT : decimalAt(info, 'tick_size');
  return {
    instrument,
    base,
    quote,
    trading: status === 'online',
    ...SALES[status],
    status,
    tickSize: decimal(tickSize).gt(0) ? tickSize : stepOf(info, 'pair_decimals'),
    stepSize: stepOf(info, 'lot_decimals'),
    minQuantity: decimalAt(info, 'ordermin'),
    maxQuantity: UNLIMITED,
    minNotional: info['costmin'] === undefined ? ZERO_TEXT : decimalAt(info, 'costmin'),
    marketStop: true,
  };
}

/** The step of so many decimals: 2 is 0.01. */
function stepOf(info: Row, key: string): DecimalText {
  return text(new Decimal(10).pow(-Number(textAt(info, key))));
}

/** One row of bars: [open time in seconds, open, high, low, close, vwap, volume, count]. */
export function barOf(value: unknown, query: BarQuery): Bar {
  if (!Array.isArray(value)) throw new WireError('a bar is not a list');
  const row = rowOf(Object.fromEntries(value.entries()), 'a bar');
  const openTime = secondsAt(row, '0');
  return {
    instrument: query.instrument,
    intervalMs: query.intervalMs,
    openTime,
    closeTime: openTime + query.intervalMs - 1,
    open: decimalAt(row, '1'),
    high: decimalAt(row, '2'),
    low: decimalAt(row, '3'),
    close: decimalAt(row, '4'),
    volume: decimalAt(row, '6'),
  };
}
