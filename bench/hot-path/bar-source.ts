import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { wireText } from '../../exchange/amount/units.js';
import type { Tape, TapeBar } from '../../exchange/market/tape.js';
import type { Venue } from '../../exchange/venue.js';
import { delayOf, hasBars, PACES, type Pace } from './schedule.js';
import { barKey, now } from './stamps.js';

/** Prices are told so many times too low: no order at them is filled. */
const UNFILLED_PART = 2n;

/**
 * The market streams of the paper venue, at a pace: a venue closes all bars of an interval at once, here their frames
 * leave one after the other. Prices, bars and everything else are the venue's own.
 */
export class BarSource {
  pace: Pace = 'singly';
  readonly #sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  readonly #left: (bar: string, at: number) => void;

  constructor(venue: Venue, left: (bar: string, at: number) => void) {
    this.#left = left;
    this.#sockets.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        const { id } = JSON.parse(data.toString('utf8')) as { id?: number };
        socket.send(JSON.stringify({ result: null, id }));
      });
    });
    venue.listen({
      onBarClosed: (tape, bar) => this.#closed(tape, bar),
      onCommitted() {},
      onTick() {},
      onMoment() {},
      onBalanceMoved() {},
      onSnapshot() {},
      readersOf: () => 0,
    });
  }

  async address(): Promise<string> {
    if (this.#sockets.address() === null) await once(this.#sockets, 'listening');
    return `ws://127.0.0.1:${(this.#sockets.address() as AddressInfo).port}/ws`;
  }

  #closed(tape: Tape, bar: TapeBar): void {
    const { name } = tape.instrument;
    const { isFilled } = PACES[this.pace];
    if (!hasBars(name, this.pace)) return;
    const closeTime = bar.openTime + tape.intervalMs - 1;
    const frame = frameOf(tape, bar, closeTime, isFilled ? 1n : UNFILLED_PART);
    setTimeout(() => this.#send(frame, barKey(name, closeTime)), delayOf(name, this.pace));
  }

  #send(frame: string, bar: string): void {
    this.#left(bar, now());
    for (const socket of this.#sockets.clients) socket.send(frame);
  }
}

function frameOf(tape: Tape, bar: TapeBar, closeTime: number, part: bigint): string {
  const { symbol, tick, step } = tape.instrument;
  const price = (ticks: number): string => wireText((BigInt(ticks) / part) * tick);
  const prices = { o: price(bar.open), h: price(bar.high), l: price(bar.low), c: price(bar.close) };
  const k = {
    t: bar.openTime,
    T: closeTime,
    s: symbol,
    i: '1s',
    ...prices,
    v: wireText(BigInt(bar.volume) * step),
    n: bar.trades,
    x: true,
  };
  return JSON.stringify({ e: 'kline', E: closeTime + 1, s: symbol, k });
}
