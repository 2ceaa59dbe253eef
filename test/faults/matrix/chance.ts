import { seedFor, uniform } from '../../../exchange/random/seeded.js';

/** The choices of one case: the same seed and name give the same ones, in whatever order cases run. */
export class Chance {
  private readonly seed: number;
  private drawn = 0;

  constructor(seed: number, name: string) {
    this.seed = seedFor(seed, name);
  }

  pick<const T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0];
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    this.drawn += 1;
    return least + Math.floor(uniform(this.seed, this.drawn) * (most - least + 1));
  }
}
