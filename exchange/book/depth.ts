import type { Units } from '../amount/units.js';
import type { Instrument } from '../market/instrument.js';
import { seedFor, uniform } from '../random/seeded.js';
import type { Side } from './side.js';

export interface DepthLevel {
  readonly price: Units;
  readonly quantity: Units;
}

/** Levels on each side that exist at any time. */
export const DEPTH_LEVELS = 100;
/** What was taken from a level is back after this many ticks, evenly. */
const REFILL_TICKS = 20;

/**
 * The simulated book: seeded quantities on a grid of about one basis point around the last price. It follows the tape,
 * orders of the accounts consume it, and it refills over the next ticks.
 */
export class SimulatedDepth {
  readonly #instrument: Instrument;
  readonly #seed: number;
  readonly #levelNotional: number;
  readonly #consumed = new Map<number, { quantity: Units; at: number }>();
  #center = 1;
  #grid = 1;
  #epoch = 0;
  #clock = 0;

  constructor(instrument: Instrument, seed: number, levelNotional: number) {
    this.#instrument = instrument;
    this.#seed = seedFor(seed, `depth ${instrument.symbol}`);
    this.#levelNotional = levelNotional;
  }

  /** Follows the tape to a price in ticks; `epoch` changes the quantities (the bar's index). */
  follow(priceTicks: number, epoch: number): void {
    this.#center = priceTicks;
    this.#grid = gridOf(priceTicks);
    this.#epoch = epoch;
    this.#clock += 1;
    for (const [key, { at }] of this.#consumed) {
      if (this.#clock - at >= REFILL_TICKS) this.#consumed.delete(key);
    }
  }

  /** The best level of a side of the book (`BUY`: bids) that has something left. */
  best(side: Side): DepthLevel | undefined {
    for (let level = 0; level < DEPTH_LEVELS; level += 1) {
      const quantity = this.#left(side, this.#priceTicks(side, level));
      if (quantity > 0n) return { price: this.#price(side, level), quantity };
    }
    return undefined;
  }

  /** Best first. */
  levels(side: Side, count: number): DepthLevel[] {
    const found: DepthLevel[] = [];
    for (let level = 0; level < DEPTH_LEVELS && found.length < count; level += 1) {
      const quantity = this.#left(side, this.#priceTicks(side, level));
      if (quantity > 0n) found.push({ price: this.#price(side, level), quantity });
    }
    return found;
  }

  /** What the simulated book has at exactly this price. */
  quantityAt(side: Side, price: Units): Units {
    const ticks = Number(price / this.#instrument.tick);
    const distance = (side === 'BUY' ? this.#priceTicks('BUY', 0) - ticks : ticks - this.#priceTicks('SELL', 0)) / this.#grid;
    return Number.isInteger(distance) && distance >= 0 && distance < DEPTH_LEVELS ? this.#left(side, ticks) : 0n;
  }

  consume(side: Side, price: Units, quantity: Units): void {
    const ticks = Number(price / this.#instrument.tick);
    const key = keyOf(side, ticks);
    const gone = this.#full(side, ticks) - this.#left(side, ticks);
    this.#consumed.set(key, { quantity: gone + quantity, at: this.#clock });
  }

  #left(side: Side, ticks: number): Units {
    if (ticks <= 0) return 0n;
    const full = this.#full(side, ticks);
    const consumed = this.#consumed.get(keyOf(side, ticks));
    if (consumed === undefined) return full;
    const missing = BigInt(Math.max(0, REFILL_TICKS - (this.#clock - consumed.at)));
    const gone = (consumed.quantity * missing) / BigInt(REFILL_TICKS);
    const left = full - (gone - (gone % this.#instrument.step));
    return left > 0n ? left : 0n;
  }

  #full(side: Side, ticks: number): Units {
    const thickness = 0.5 + uniform(this.#seed, ticks, this.#epoch, side === 'BUY' ? 1 : 2);
    const price = ticks / 10 ** this.#instrument.tickDecimals;
    const steps = Math.max(1, Math.round((this.#levelNotional * thickness * 10 ** this.#instrument.stepDecimals) / price));
    return BigInt(steps) * this.#instrument.step;
  }

  #priceTicks(side: Side, level: number): number {
    const bid = Math.floor(this.#center / this.#grid) * this.#grid;
    return side === 'BUY' ? bid - level * this.#grid : bid + (level + 1) * this.#grid;
  }

  #price(side: Side, level: number): Units {
    return BigInt(this.#priceTicks(side, level)) * this.#instrument.tick;
  }
}

/** About one basis point, as 1, 2 or 5 times a power of ten, so that levels stay where they are while the price moves. */
function gridOf(priceTicks: number): number {
  const wanted = priceTicks / 10_000;
  if (wanted <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const lead = wanted / power;
  return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

function keyOf(side: Side, ticks: number): number {
  return ticks * 2 + (side === 'BUY' ? 0 : 1);
}
