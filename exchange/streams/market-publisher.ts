import { wireText } from '../amount/units.js';
import type { InstrumentBook, PublicTrade } from '../book/instrument-book.js';
import type { Committed } from '../matching/transaction.js';
import { intervalName, klineAt, type ClosedPart, type Kline } from '../market/klines.js';
import type { TapeTick } from '../market/player.js';
import { quoteOf, statisticsOf, tickerJson } from '../market/statistics.js';
import type { Tape, TapeBar } from '../market/tape.js';
import { levelPair } from '../rest/market-routes.js';
import type { Venue, VenueListener } from '../venue.js';
import type { Channel } from './channel.js';
import { DepthDiffs } from './depth-diffs.js';
import type { Hub } from './hub.js';

/** Tickers are sent at most this often. */
const TICKER_MS = 250;

/** Writes the public streams. */
export class MarketPublisher implements VenueListener {
  readonly #venue: Venue;
  readonly #hub: Hub;
  readonly #diffs = new Map<string, DepthDiffs>();
  /** Of streams of longer intervals that somebody has read. */
  readonly #parts = new Map<string, ClosedPart>();
  #tickersAt = 0;

  constructor(venue: Venue, hub: Hub) {
    this.#venue = venue;
    this.#hub = hub;
    for (const [symbol, book] of venue.books) this.#diffs.set(symbol, new DepthDiffs(book));
  }

  onBarClosed(tape: Tape, bar: TapeBar): void {
    const closeTime = bar.openTime + tape.intervalMs - 1;
    for (const channel of this.#hub.channels(tape.instrument.symbol)) {
      if (channel.kind !== 'kline') continue;
      const kline = channel.parameter === tape.intervalMs ? { ...bar, closeTime } : this.#longKline(tape, channel, closeTime);
      if (kline !== undefined) this.#kline(channel, tape, kline, kline.closeTime === closeTime);
    }
  }

  onTick({ tape, bar, tick, time }: TapeTick): void {
    for (const channel of this.#hub.channels(tape.instrument.symbol)) {
      if (channel.kind === 'kline' && channel.parameter === tape.intervalMs) {
        const partial = tape.partial(bar, tick);
        // The last tick is not yet the close: that is told when the interval is over.
        this.#kline(channel, tape, { ...partial, closeTime: bar.openTime + tape.intervalMs - 1 }, false);
      } else if (channel.kind === 'kline' && tick === 0) {
        const kline = this.#longKline(tape, channel, time);
        if (kline !== undefined) this.#kline(channel, tape, kline, false);
      }
    }
  }

  onCommitted({ trades, reports }: Committed): void {
    for (const trade of trades) this.#trade(trade);
    const touched = new Set([...trades.map((trade) => trade.symbol), ...reports.map((report) => report.order.symbol)]);
    for (const symbol of touched) {
      for (const channel of this.#hub.channels(symbol)) if (channel.kind === 'bookTicker') this.#bookTicker(channel);
    }
  }

  onBalanceMoved(): void {}

  readersOf(): number {
    return 0;
  }

  onSnapshot(symbol: string): void {
    this.#depth(symbol, this.#venue.books.get(symbol) as InstrumentBook, this.#venue.now());
  }

  onMoment(): void {
    const now = this.#venue.now();
    const tickersDue = now - this.#tickersAt >= TICKER_MS;
    if (tickersDue) this.#tickersAt = now;
    for (const [symbol, book] of this.#venue.books) {
      this.#depth(symbol, book, now);
      if (!tickersDue) continue;
      for (const channel of this.#hub.channels(symbol)) {
        if (channel.kind === 'ticker') this.#hub.publish(channel.name, JSON.stringify(this.#ticker(symbol, now)));
        else if (channel.kind === 'miniTicker') this.#hub.publish(channel.name, JSON.stringify(this.#miniTicker(symbol, now)));
      }
    }
    if (tickersDue) this.#allTickers(now);
  }

  #longKline(tape: Tape, channel: Channel, time: number): Kline | undefined {
    const part = this.#parts.get(channel.name) ?? { openTime: -1, before: 0, kline: undefined };
    this.#parts.set(channel.name, part);
    return klineAt(tape, channel.parameter, time, part);
  }

  #kline(channel: Channel, tape: Tape, kline: Kline, isClosed: boolean): void {
    const { tick, step, symbol } = tape.instrument;
    const price = (ticks: number): string => wireText(BigInt(ticks) * tick);
    const [volume, quote] = [BigInt(kline.volume) * step, quoteOf(tape, kline.turnover)];
    const k = {
      t: kline.openTime,
      T: kline.closeTime,
      s: symbol,
      i: intervalName(channel.parameter),
      f: -1,
      L: -1,
      o: price(kline.open),
      c: price(kline.close),
      h: price(kline.high),
      l: price(kline.low),
      v: wireText(volume),
      n: kline.trades,
      x: isClosed,
      q: wireText(quote),
      V: wireText(volume / 2n),
      Q: wireText(quote / 2n),
      B: '0',
    };
    this.#hub.publish(channel.name, JSON.stringify({ e: 'kline', E: this.#venue.now(), s: symbol, k }));
  }

  #trade(trade: PublicTrade): void {
    for (const channel of this.#hub.channels(trade.symbol)) {
      const [p, q] = [wireText(trade.price), wireText(trade.quantity)];
      const head = { E: this.#venue.now(), s: trade.symbol };
      if (channel.kind === 'trade') {
        const event = { e: 'trade', ...head, t: trade.id, p, q, T: trade.time, m: trade.buyerMaker, M: true };
        this.#hub.publish(channel.name, JSON.stringify(event));
      } else if (channel.kind === 'aggTrade') {
        const ids = { a: trade.id, p, q, f: trade.id, l: trade.id };
        const event = { e: 'aggTrade', ...head, ...ids, T: trade.time, m: trade.buyerMaker, M: true };
        this.#hub.publish(channel.name, JSON.stringify(event));
      }
    }
  }

  #bookTicker(channel: Channel): void {
    const book = this.#venue.books.get(channel.symbol) as InstrumentBook;
    const [bid, ask] = [book.levels('BUY', 1)[0], book.levels('SELL', 1)[0]];
    if (bid === undefined || ask === undefined) return;
    const [[b, B], [a, A]] = [levelPair(bid), levelPair(ask)];
    this.#hub.publish(channel.name, JSON.stringify({ u: book.updateId, s: channel.symbol, b, B, a, A }));
  }

  #depth(symbol: string, book: InstrumentBook, now: number): void {
    const channels = [...this.#hub.channels(symbol)];
    const readers = channels.filter((channel) => channel.kind === 'depth');
    const update = (this.#diffs.get(symbol) as DepthDiffs).next(readers.length > 0);
    if (update !== undefined) {
      const data = JSON.stringify({ e: 'depthUpdate', E: now, s: symbol, ...update });
      for (const channel of readers) this.#hub.publish(channel.name, data);
    }
    for (const channel of channels) {
      if (channel.kind !== 'partialDepth') continue;
      const [bids, asks] = [book.levels('BUY', channel.parameter), book.levels('SELL', channel.parameter)];
      const data = { lastUpdateId: book.updateId, bids: bids.map(levelPair), asks: asks.map(levelPair) };
      this.#hub.publish(channel.name, JSON.stringify(data));
    }
  }

  #allTickers(now: number): void {
    for (const channel of this.#hub.channels('')) {
      const each = channel.kind === 'allTickers' ? this.#ticker.bind(this) : this.#miniTicker.bind(this);
      this.#hub.publish(channel.name, JSON.stringify([...this.#venue.books.keys()].map((symbol) => each(symbol, now))));
    }
  }

  #miniTicker(symbol: string, now: number): Record<string, unknown> {
    const [tape, book] = this.#instrument(symbol);
    const stats = statisticsOf(tape, book, this.#venue.wallTime());
    return {
      e: '24hrMiniTicker',
      E: now,
      s: symbol,
      c: wireText(stats.last),
      o: wireText(stats.open),
      h: wireText(stats.high),
      l: wireText(stats.low),
      v: wireText(stats.volume),
      q: wireText(stats.quoteVolume),
    };
  }

  #ticker(symbol: string, now: number): Record<string, unknown> {
    const [tape, book] = this.#instrument(symbol);
    const full = tickerJson(tape, book, this.#venue.wallTime());
    return {
      e: '24hrTicker',
      E: now,
      s: symbol,
      p: full['priceChange'],
      P: full['priceChangePercent'],
      w: full['weightedAvgPrice'],
      x: full['prevClosePrice'],
      c: full['lastPrice'],
      Q: full['lastQty'],
      b: full['bidPrice'],
      B: full['bidQty'],
      a: full['askPrice'],
      A: full['askQty'],
      o: full['openPrice'],
      h: full['highPrice'],
      l: full['lowPrice'],
      v: full['volume'],
      q: full['quoteVolume'],
      O: full['openTime'],
      C: full['closeTime'],
      F: full['firstId'],
      L: full['lastId'],
      n: full['count'],
    };
  }

  #instrument(symbol: string): [Tape, InstrumentBook] {
    return [this.#venue.tapes.get(symbol) as Tape, this.#venue.books.get(symbol) as InstrumentBook];
  }
}
