/** Measures of a classifier and of a list of returns. What is not defined (nothing to average) is undefined, never 0. */

export function meanOf(values: readonly number[]): number | undefined {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** Growth of a capital that took the returns one after another, minus 1. */
export function compounded(returns: readonly number[]): number {
  return returns.reduce((growth, value) => growth * (1 + value), 1) - 1;
}

export interface Scored {
  readonly score: number;
  readonly label: 0 | 1;
}

/** Probability that a winner scores above a loser (ties count half): 0.5 is guessing. Undefined without both kinds. */
export function areaUnderCurve(scored: readonly Scored[]): number | undefined {
  const winners = scored.filter((one) => one.label === 1);
  const losers = scored.filter((one) => one.label === 0);
  if (winners.length === 0 || losers.length === 0) return undefined;
  let above = 0;
  for (const winner of winners) {
    for (const loser of losers) above += winner.score > loser.score ? 1 : winner.score === loser.score ? 0.5 : 0;
  }
  return above / (winners.length * losers.length);
}

/** Mean of −ln(probability given to what happened): lower is better. */
export function logarithmicLoss(scored: readonly Scored[]): number | undefined {
  return meanOf(scored.map(({ score, label }) => -Math.log(label === 1 ? score : 1 - score)));
}

/** The score that the share `coverage` of the scores reaches. @throws RangeError for an empty list. */
export function coverageThreshold(scores: readonly number[], coverage: number): number {
  const falling = scores.toSorted((left, right) => right - left);
  const threshold = falling[Math.min(falling.length, Math.max(1, Math.round(coverage * falling.length))) - 1];
  if (threshold === undefined) throw new RangeError('no scores to choose a threshold from');
  return threshold;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The middle 90 % of `measure` over `draws` resamplings with replacement. Undefined measures are left out. */
export function resampledInterval<T>(
  items: readonly T[],
  measure: (sample: readonly T[]) => number | undefined,
  draws: number,
  random: () => number,
): Interval | undefined {
  const values: number[] = [];
  for (let draw = 0; draw < draws; draw += 1) {
    const sample = items.map(() => items[Math.floor(random() * items.length)] as T);
    const value = measure(sample);
    if (value !== undefined) values.push(value);
  }
  values.sort((left, right) => left - right);
  const low = values[Math.floor(0.05 * values.length)];
  const high = values[Math.ceil(0.95 * values.length) - 1];
  return low === undefined || high === undefined ? undefined : { low, high };
}

/** A small seeded generator (32-bit state, uniform in [0, 1)): the same numbers on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
