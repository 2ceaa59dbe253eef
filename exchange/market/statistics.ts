import { perUnit, wireText, type Units } from '../amount/units.js';
import type { InstrumentBook } from '../book/instrument-book.js';
import type { Tape, TapeBar } from './tape.js';

/** Most bars that the "24 h" figures look back on; at short intervals their window is shorter than a day and says so. */
const MOST_BARS = 600;

export interface Statistics {
  readonly openTime: number;
  readonly closeTime: number;
  readonly open: Units;
  readonly high: Units;
  readonly low: Units;
  readonly last: Units;
  readonly volume: Units;
  readonly quoteVolume: Units;
  readonly trades: number;
}

export function statisticsOf(tape: Tape, book: InstrumentBook, now: number): Statistics {
  const { tick } = tape.instrument;
  const current = tape.indexAt(now);
  const bars = Math.min(MOST_BARS, Math.max(1, Math.floor(86_400_000 / tape.intervalMs)));
  const running = tape.bar(current);
  const parts: TapeBar[] = [];
  for (let index = current - bars + 1; index < current; index += 1) {
    const bar = tape.bar(index);
    if (bar !== undefined) parts.push(bar);
  }
  if (running !== undefined) parts.push(tape.partial(running, tape.tickAt(now)));
  let [high, low, volume, turnover, trades] = [0, Infinity, 0, 0, 0];
  for (const part of parts) {
    high = Math.max(high, part.high);
    low = Math.min(low, part.low);
    volume += part.volume;
    turnover += part.turnover;
    trades += part.trades;
  }
  const inUnits = (ticks: number): Units => (Number.isFinite(ticks) ? BigInt(ticks) * tick : 0n);
  return {
    openTime: tape.anchorTime + (current - bars + 1) * tape.intervalMs,
    closeTime: now,
    open: inUnits(parts[0]?.open ?? 0),
    high: inUnits(high),
    low: inUnits(low),
    last: book.lastPrice,
    volume: BigInt(volume) * tape.instrument.step,
    quoteVolume: quoteOf(tape, turnover),
    trades,
  };
}

/** Ticks × steps as a quote amount. */
export function quoteOf(tape: Tape, turnover: number): Units {
  return (BigInt(Math.round(turnover)) * tape.instrument.tick * tape.instrument.step) / 100_000_000n;
}

/** The full 24 h ticker as REST writes it. */
export function tickerJson(tape: Tape, book: InstrumentBook, now: number): Record<string, unknown> {
  const stats = statisticsOf(tape, book, now);
  const [bid, ask] = [book.levels('BUY', 1)[0], book.levels('SELL', 1)[0]];
  const lastTrade = book.recentTrades.at(-1);
  const change = stats.last - stats.open;
  return {
    symbol: book.instrument.symbol,
    priceChange: wireText(change),
    priceChangePercent: stats.open === 0n ? '0.000' : (Number((change * 100_000n) / stats.open) / 1000).toFixed(3),
    weightedAvgPrice: wireText(perUnit(stats.quoteVolume, stats.volume)),
    prevClosePrice: wireText(stats.open),
    lastPrice: wireText(stats.last),
    lastQty: wireText(lastTrade?.quantity ?? 0n),
    bidPrice: wireText(bid?.price ?? 0n),
    bidQty: wireText(bid?.quantity ?? 0n),
    askPrice: wireText(ask?.price ?? 0n),
    askQty: wireText(ask?.quantity ?? 0n),
    openPrice: wireText(stats.open),
    highPrice: wireText(stats.high),
    lowPrice: wireText(stats.low),
    volume: wireText(stats.volume),
    quoteVolume: wireText(stats.quoteVolume),
    openTime: stats.openTime,
    closeTime: stats.closeTime,
    firstId: book.recentTrades[0]?.id ?? -1,
    lastId: lastTrade?.id ?? -1,
    count: stats.trades,
  };
}
