/** Clocks of computers run apart by less than this part of the time that passes. */
const DRIFT_RATIO = 100 / 1_000_000;

/**
 * The skew of a clock that tells only whole steps, such as seconds. One reading says that the skew lies within a step and
 * a round trip; readings at other moments of a step narrow that down. Bounds that contradict each other mean that a clock
 * was set: the last reading counts alone then.
 */
export class CoarseSkew {
  readonly #stepMs: number;
  #low = -Infinity;
  #high = Infinity;
  #seenTime = 0;

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /** Takes a reading in; times in ms, each of its own clock. @returns their clock minus ours: the middle of what it can be, ms. */
  see(venueTime: number, sentTime: number, receivedTime: number): number {
    const low = venueTime - receivedTime;
    const high = venueTime + this.#stepMs - sentTime;
    const drift = Math.abs(receivedTime - this.#seenTime) * DRIFT_RATIO;
    this.#low = Math.max(low, this.#low - drift);
    this.#high = Math.min(high, this.#high + drift);
    if (this.#low > this.#high) {
      this.#low = low;
      this.#high = high;
    }
    this.#seenTime = receivedTime;
    return (this.#low + this.#high) / 2;
  }
}
