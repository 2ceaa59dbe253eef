import type { VenueFill, VenueOrder } from '../../../activities/ports/venue.js';
import { ZERO_TEXT } from '../../../core/money/index.js';
import { amountAt, decimalAt, rowOf, textAt, timeAt, type Row } from '../wire-row.js';
import { isStop, sideOf, statusOf } from './binance-rows.js';
import type { Frame, InstrumentOf } from './wire-profile.js';

/**
 * Reads a raw frame of the market stream or of the account stream. Combined streams wrap it in `data`, the account
 * stream in `event`.
 */
export function frameOf(message: unknown, instrumentOf: InstrumentOf): Frame {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  const outer = message as Row;
  const inner = outer['event'] ?? outer['data'] ?? outer;
  if (typeof inner !== 'object' || inner === null) return undefined;
  const row = inner as Row;
  switch (row['e']) {
    case 'kline':
      return barFrame(row, instrumentOf);
    case 'executionReport':
      return orderFrame(row, instrumentOf);
    case 'eventStreamTerminated':
      // The library takes note and goes on waiting on a stream that is over.
      return { kind: 'terminated', reason: 'the venue ended the account stream' };
    default:
      return subscribed(outer) ? { kind: 'subscribed' } : undefined;
  }
}

function subscribed(row: Row): boolean {
  const result = row['result'];
  return typeof result === 'object' && result !== null && 'subscriptionId' in result;
}

function barFrame(row: Row, instrumentOf: InstrumentOf): Frame {
  const kline = rowOf(row['k'], 'a kline');
  const openTime = timeAt(kline, 't');
  const closeTime = timeAt(kline, 'T');
  const close = decimalAt(kline, 'c');
  return {
    kind: 'bar',
    closed: kline['x'] === true,
    price: close,
    eventTime: timeAt(row, 'E'),
    bar: {
      instrument: instrumentOf(textAt(kline, 's')),
      intervalMs: closeTime - openTime + 1,
      openTime,
      closeTime,
      open: decimalAt(kline, 'o'),
      high: decimalAt(kline, 'h'),
      low: decimalAt(kline, 'l'),
      close,
      volume: decimalAt(kline, 'v'),
    },
  };
}

function orderFrame(row: Row, instrumentOf: InstrumentOf): Frame {
  const status = statusOf(textAt(row, 'X'));
  const order: VenueOrder = {
    venueOrderId: textAt(row, 'i'),
    clientOrderId: clientOrderIdOf(row),
    instrument: instrumentOf(textAt(row, 's')),
    side: sideOf(textAt(row, 'S')),
    status,
    quantity: decimalAt(row, 'q'),
    executedQuantity: decimalAt(row, 'z'),
    price: decimalAt(row, 'p'),
    isTriggered: row['w'] === true || !isStop(row['o']) || (isOver(status) && wasOnBook(row)),
    createdTime: timeAt(row, 'O'),
  };
  return row['x'] === 'TRADE' ? { kind: 'order', order, fill: fillFrame(row, order) } : { kind: 'order', order };
}

function isOver(status: VenueOrder['status']): boolean {
  return status !== 'accepted' && status !== 'partiallyFilled';
}

/** What has ended is on the book no more; its working time is told only where it was there. */
function wasOnBook(row: Row): boolean {
  return Number(row['W'] ?? 0) > 0;
}

/** A cancel has an id of its own in `c`; the order's id is then in `C`, which is empty otherwise. */
function clientOrderIdOf(row: Row): string {
  const original = row['C'];
  return typeof original === 'string' && original !== '' && original !== 'null' ? original : textAt(row, 'c');
}

function fillFrame(row: Row, order: VenueOrder): VenueFill {
  const fee = decimalAt(row, 'n');
  return {
    venueTradeId: textAt(row, 't'),
    venueOrderId: order.venueOrderId,
    clientOrderId: order.clientOrderId,
    instrument: order.instrument,
    side: order.side,
    price: decimalAt(row, 'L'),
    quantity: decimalAt(row, 'l'),
    ...amountAt(row, 'Y'),
    fee,
    feeAsset: fee === ZERO_TEXT && row['N'] === null ? quoteOf(order.instrument) : textAt(row, 'N'),
    liquiditySide: row['m'] === true ? 'maker' : 'taker',
    eventTime: timeAt(row, 'T'),
  };
}

/** Where nothing was charged the venue names no asset: the quote asset stands for it. */
function quoteOf(instrument: string): string {
  return instrument.split('/')[1] ?? instrument;
}
