import { intervalMsOf, isServedInterval } from '../market/klines.js';
import type { Venue } from '../venue.js';

export type ChannelKind =
  | 'kline'
  | 'trade'
  | 'aggTrade'
  | 'miniTicker'
  | 'ticker'
  | 'bookTicker'
  | 'depth'
  | 'partialDepth'
  | 'allMiniTickers'
  | 'allTickers';

/** What a stream name such as `btcusdt@kline_1s` stands for. */
export interface Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  /** Empty for the streams of all instruments. */
  readonly symbol: string;
  /** Kline: interval in ms. Partial depth: levels. Otherwise 0. */
  readonly parameter: number;
}

const PLAIN: Readonly<Record<string, ChannelKind>> = {
  trade: 'trade',
  aggTrade: 'aggTrade',
  miniTicker: 'miniTicker',
  ticker: 'ticker',
  bookTicker: 'bookTicker',
  depth: 'depth',
};

/** `undefined`: no such stream. */
export function channelOf(venue: Venue, name: string): Channel | undefined {
  if (name === '!miniTicker@arr') return { name, kind: 'allMiniTickers', symbol: '', parameter: 0 };
  if (name === '!ticker@arr') return { name, kind: 'allTickers', symbol: '', parameter: 0 };
  const match = /^([a-z0-9]{2,20})@([a-zA-Z]+?)(?:_([0-9a-z]+)|(5|10|20))?(?:@(?:100|1000)ms)?$/.exec(name);
  const symbol = match?.[1]?.toUpperCase() ?? '';
  const tape = venue.tapes.get(symbol);
  if (match === null || tape === undefined) return undefined;
  const [, , kind, interval, levels] = match as unknown as [string, string, string, string?, string?];
  if (kind === 'kline' && interval !== undefined) {
    const parameter = intervalMsOf(interval);
    return parameter !== undefined && isServedInterval(tape, parameter) ? { name, kind, symbol, parameter } : undefined;
  }
  if (kind === 'depth' && levels !== undefined) return { name, kind: 'partialDepth', symbol, parameter: Number(levels) };
  const plain = PLAIN[kind];
  return plain === undefined || interval !== undefined || levels !== undefined ? undefined : { name, kind: plain, symbol, parameter: 0 };
}
