import { seedFor, uniform } from '../random/seeded.js';
import type { Instrument } from './instrument.js';
import type { PlayedBar, Series } from './series.js';

/** A bar as it is played: prices in ticks, volume in steps, both whole numbers. */
export interface TapeBar {
  readonly index: number;
  readonly openTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** Volume times price, in ticks × steps. */
  readonly turnover: number;
  readonly trades: number;
}

export interface TapeTiming {
  readonly intervalMs: number;
  /** Open time of bar 0, a multiple of the interval. */
  readonly anchorTime: number;
}

const REMEMBERED_BARS = 2048;

/**
 * What an instrument's price does, as a function of time: bar after bar from the series, inside each bar a seeded path
 * over a few ticks that begins at the open, touches high and low, and ends at the close.
 */
export class Tape {
  readonly instrument: Instrument;
  readonly intervalMs: number;
  readonly anchorTime: number;
  /** Prints in a bar. */
  readonly ticksPerBar: number;
  readonly #series: Series;
  readonly #seed: number;
  readonly #bars = new Map<number, TapeBar | undefined>();
  readonly #paths = new Map<number, Float64Array>();

  constructor(instrument: Instrument, series: Series, timing: TapeTiming, seed: number) {
    this.instrument = instrument;
    this.intervalMs = timing.intervalMs;
    this.anchorTime = timing.anchorTime;
    this.ticksPerBar = Math.max(4, Math.min(3600, Math.floor(timing.intervalMs / (timing.intervalMs > 60_000 ? 1000 : 100))));
    this.#series = series;
    this.#seed = seedFor(seed, instrument.symbol);
  }

  indexAt(time: number): number {
    return Math.floor((time - this.anchorTime) / this.intervalMs);
  }

  tickAt(time: number): number {
    const into = time - this.anchorTime - this.indexAt(time) * this.intervalMs;
    return Math.min(this.ticksPerBar - 1, Math.floor((into * this.ticksPerBar) / this.intervalMs));
  }

  timeOf(index: number, tick: number): number {
    return this.anchorTime + index * this.intervalMs + Math.ceil((tick * this.intervalMs) / this.ticksPerBar);
  }

  isOver(index: number): boolean {
    return this.#series.endsBefore(index);
  }

  /** `undefined`: a gap. */
  bar(index: number): TapeBar | undefined {
    if (this.#bars.has(index)) return this.#bars.get(index);
    const played = this.#series.bar(index);
    const bar = played === undefined ? undefined : this.#rounded(index, played);
    if (this.#bars.size >= REMEMBERED_BARS) this.#bars.delete(this.#bars.keys().next().value as number);
    this.#bars.set(index, bar);
    return bar;
  }

  /** Price in ticks at a tick of a bar. */
  priceAt(bar: TapeBar, tick: number): number {
    return this.#path(bar)[tick] as number;
  }

  /** The bar as it stands after the given tick. */
  partial(bar: TapeBar, tick: number): TapeBar {
    if (tick >= this.ticksPerBar - 1) return bar;
    const path = this.#path(bar);
    let [high, low] = [bar.open, bar.open];
    for (let at = 0; at <= tick; at += 1) {
      const price = path[at] as number;
      if (price > high) high = price;
      if (price < low) low = price;
    }
    const volume = this.volumeThrough(bar, tick);
    const close = path[tick] as number;
    return { ...bar, high, low, close, volume, turnover: volume * Math.round((high + low + 2 * close) / 4), trades: tick + 1 };
  }

  /** Volume printed from the bar's beginning to the tick's end, in steps. */
  volumeThrough(bar: TapeBar, tick: number): number {
    return Math.floor((bar.volume * (tick + 1)) / this.ticksPerBar);
  }

  /** The newest bar at or before `index` that is no gap, within 2,000 slots. */
  barAtOrBefore(index: number): TapeBar | undefined {
    for (let at = index; at > index - 2000; at -= 1) {
      const bar = this.bar(at);
      if (bar !== undefined) return bar;
    }
    return undefined;
  }

  #rounded(index: number, { open, high, low, close, volume }: PlayedBar): TapeBar {
    const ticks = 10 ** this.instrument.tickDecimals;
    const inTicks = (price: number): number => Math.max(1, Math.round(price * ticks));
    const steps = Math.min(8e15, Math.round(volume * 10 ** this.instrument.stepDecimals));
    return {
      index,
      openTime: this.anchorTime + index * this.intervalMs,
      open: inTicks(open),
      high: inTicks(high),
      low: inTicks(low),
      close: inTicks(close),
      volume: Math.max(this.ticksPerBar, steps),
      turnover: Math.max(this.ticksPerBar, steps) * Math.round((inTicks(high) + inTicks(low) + 2 * inTicks(close)) / 4),
      trades: this.ticksPerBar,
    };
  }

  #path(bar: TapeBar): Float64Array {
    const known = this.#paths.get(bar.index);
    if (known !== undefined) return known;
    const path = this.#newPath(bar);
    if (this.#paths.size >= 64) this.#paths.delete(this.#paths.keys().next().value as number);
    this.#paths.set(bar.index, path);
    return path;
  }

  #newPath(bar: TapeBar): Float64Array {
    const last = this.ticksPerBar - 1;
    const random = (salt: number, at = 0): number => uniform(this.#seed, bar.index, salt, at);
    const first = 1 + Math.floor(random(1) * (last - 2));
    const second = first + 1 + Math.floor(random(2) * (last - 1 - first));
    // A bar that closes above its open more often dips first.
    const lowFirst = random(3) < (bar.close >= bar.open ? 0.7 : 0.3);
    const pins: [number, number][] = [
      [0, bar.open],
      [first, lowFirst ? bar.low : bar.high],
      [second, lowFirst ? bar.high : bar.low],
      [last, bar.close],
    ];
    const path = new Float64Array(this.ticksPerBar);
    for (let leg = 0; leg < 3; leg += 1) {
      const [[from, start], [to, end]] = [pins[leg] as [number, number], pins[leg + 1] as [number, number]];
      for (let at = from + 1; at < to; at += 1) {
        const noise = (random(4, at) - 0.5) * 0.4 * (bar.high - bar.low);
        const straight = start + ((end - start) * (at - from)) / (to - from);
        path[at] = Math.min(bar.high, Math.max(bar.low, Math.round(straight + noise)));
      }
    }
    for (const [at, price] of pins) path[at] = price;
    return path;
  }
}
