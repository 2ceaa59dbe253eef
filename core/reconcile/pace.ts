const MINUTE_MS = 60_000;
/** Of what a venue allows, for the comparisons by the minute of all accounts that it counts together. */
const COMPARED_SHARE = 0.1;
/**
 * None is compared less often than each so many minutes, whatever that takes: half of what people are told of after (`notComparedWarnMs` and `notComparedForMs`), a fifth
 * of what ends entries.
 */
export const SLOWEST_MINUTES = 3;

/** When an account is compared by the minute while there is nothing to look after. */
export interface ComparedPace {
  readonly eachMinutes: number;
  /** Its place among those that share the pace: they take turns. */
  readonly place: number;
}

/** @param weights what a comparison of each account takes that the venue counts together. */
export function comparedEachMinutes(weight: { readonly limit: number; readonly windowMs: number }, weights: readonly number[]): number {
  const allowed = (COMPARED_SHARE * weight.limit * MINUTE_MS) / weight.windowMs;
  const taken = weights.reduce((all, one) => all + one, 0);
  return Math.min(SLOWEST_MINUTES, Math.max(1, Math.ceil(taken / allowed - 1e-9)));
}

/**
 * Whether an account is compared in this minute: in its turn, and in any where the last comparison did not find it clean, or is as old as the pace.
 * @param cleanForMs how long ago the last one began, if it found the account clean; else undefined.
 */
export function isCompared({ eachMinutes, place }: ComparedPace, now: number, cleanForMs: number | undefined): boolean {
  if (eachMinutes === 1 || cleanForMs === undefined || cleanForMs >= eachMinutes * MINUTE_MS) return true;
  return Math.floor(now / MINUTE_MS) % eachMinutes === place % eachMinutes;
}
