import { wireText } from '../amount/units.js';
import type { DepthLevel } from '../book/depth.js';
import type { InstrumentBook, PublicTrade } from '../book/instrument-book.js';
import { intervalMsOf, isServedInterval, klinesOf, type Kline } from '../market/klines.js';
import { quoteOf, tickerJson } from '../market/statistics.js';
import type { Tape } from '../market/tape.js';
import { VenueError } from '../matching/venue-error.js';
import { bookOf, symbolsOf, tapeOf } from './lookups.js';
import { instrumentJson } from './render.js';
import type { Call, Routes } from './route.js';
import { rateLimitsJson } from './weights.js';

/** Calls that need no account. */
export const MARKET_ROUTES: Routes = {
  'GET /api/v3/ping': { security: 'none', weight: 1, handle: () => ({}) },
  'GET /api/v3/time': { security: 'none', weight: 1, handle: ({ now }) => ({ serverTime: now }) },
  'GET /api/v3/exchangeInfo': { security: 'none', weight: 20, handle: exchangeInfo },
  'GET /api/v3/klines': { security: 'none', weight: 2, handle: klines },
  'GET /api/v3/uiKlines': { security: 'none', weight: 2, handle: klines },
  'GET /api/v3/depth': { security: 'none', weight: 5, handle: depth },
  'GET /api/v3/trades': { security: 'none', weight: 25, handle: trades },
  'GET /api/v3/historicalTrades': { security: 'none', weight: 25, handle: trades },
  'GET /api/v3/aggTrades': { security: 'none', weight: 4, handle: aggregateTrades },
  'GET /api/v3/avgPrice': { security: 'none', weight: 2, handle: averagePrice },
  'GET /api/v3/ticker/24hr': { security: 'none', weight: 2, handle: ticker },
  'GET /api/v3/ticker': { security: 'none', weight: 4, handle: ticker },
  'GET /api/v3/ticker/price': { security: 'none', weight: 2, handle: priceTicker },
  'GET /api/v3/ticker/bookTicker': { security: 'none', weight: 2, handle: bookTicker },
};

function exchangeInfo(call: Call): unknown {
  const { symbols } = symbolsOf(call);
  return {
    timezone: 'UTC',
    serverTime: call.now,
    rateLimits: rateLimitsJson(call.venue.rateLimits),
    exchangeFilters: [],
    symbols: symbols.map((symbol) => {
      const book = call.venue.books.get(symbol) as InstrumentBook;
      return instrumentJson(book.instrument, book.isClosed);
    }),
  };
}

function klines(call: Call): unknown {
  const tape = tapeOf(call);
  const intervalMs = intervalMsOf(call.params.required('interval'));
  if (intervalMs === undefined || !isServedInterval(tape, intervalMs)) throw new VenueError(-1120, 'Invalid interval.');
  const found = klinesOf(tape, {
    intervalMs,
    startTime: call.params.integer('startTime'),
    endTime: call.params.integer('endTime'),
    limit: call.params.limit(500, 1000),
    now: call.venue.wallTime(),
  });
  return found.map((kline) => klineRow(tape, kline));
}

function klineRow(tape: Tape, kline: Kline): unknown[] {
  const { tick, step } = tape.instrument;
  const price = (ticks: number): string => wireText(BigInt(ticks) * tick);
  const quote = quoteOf(tape, kline.turnover);
  return [
    kline.openTime,
    price(kline.open),
    price(kline.high),
    price(kline.low),
    price(kline.close),
    wireText(BigInt(kline.volume) * step),
    kline.closeTime,
    wireText(quote),
    kline.trades,
    wireText((BigInt(kline.volume) * step) / 2n),
    wireText(quote / 2n),
    '0',
  ];
}

function depth(call: Call): unknown {
  const book = bookOf(call);
  const limit = call.params.limit(100, 5000);
  call.venue.announceSnapshot(book.instrument.symbol);
  return {
    lastUpdateId: book.updateId,
    bids: book.levels('BUY', limit).map(levelPair),
    asks: book.levels('SELL', limit).map(levelPair),
  };
}

export function levelPair({ price, quantity }: DepthLevel): [string, string] {
  return [wireText(price), wireText(quantity)];
}

function chosenTrades(call: Call): readonly PublicTrade[] {
  const limit = call.params.limit(500, 1000);
  const fromId = call.params.integer('fromId');
  const startTime = call.params.integer('startTime') ?? 0;
  const endTime = call.params.integer('endTime') ?? Infinity;
  const recent = bookOf(call).recentTrades.filter((trade) => trade.time >= startTime && trade.time <= endTime);
  if (fromId !== undefined) return recent.filter((trade) => trade.id >= fromId).slice(0, limit);
  return startTime > 0 ? recent.slice(0, limit) : recent.slice(-limit);
}

function trades(call: Call): unknown {
  return chosenTrades(call).map((trade) => ({
    id: trade.id,
    price: wireText(trade.price),
    qty: wireText(trade.quantity),
    quoteQty: wireText(trade.quote),
    time: trade.time,
    isBuyerMaker: trade.buyerMaker,
    isBestMatch: true,
  }));
}

function aggregateTrades(call: Call): unknown {
  return chosenTrades(call).map((trade) => ({
    a: trade.id,
    p: wireText(trade.price),
    q: wireText(trade.quantity),
    f: trade.id,
    l: trade.id,
    T: trade.time,
    m: trade.buyerMaker,
    M: true,
  }));
}

function averagePrice(call: Call): unknown {
  return { mins: 0, price: wireText(bookOf(call).lastPrice), closeTime: call.now };
}

/** One answer or a list, as the call asked. */
function perSymbol(call: Call, each: (book: InstrumentBook, tape: Tape) => unknown): unknown {
  const { symbols, isList } = symbolsOf(call);
  const answers = symbols.map((symbol) => each(call.venue.books.get(symbol) as InstrumentBook, call.venue.tapes.get(symbol) as Tape));
  return isList ? answers : answers[0];
}

function ticker(call: Call): unknown {
  return perSymbol(call, (book, tape) => tickerJson(tape, book, call.venue.wallTime()));
}

function priceTicker(call: Call): unknown {
  return perSymbol(call, (book) => ({ symbol: book.instrument.symbol, price: wireText(book.lastPrice) }));
}

function bookTicker(call: Call): unknown {
  return perSymbol(call, (book) => {
    const [bid, ask] = [book.levels('BUY', 1)[0], book.levels('SELL', 1)[0]];
    return {
      symbol: book.instrument.symbol,
      bidPrice: wireText(bid?.price ?? 0n),
      bidQty: wireText(bid?.quantity ?? 0n),
      askPrice: wireText(ask?.price ?? 0n),
      askQty: wireText(ask?.quantity ?? 0n),
    };
  });
}
