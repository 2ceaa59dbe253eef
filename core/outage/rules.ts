/** The numbers of a lost venue; an account may set its own (`accounts.<name>.outage`). */
export const OUTAGE = {
  /** For how long each step is tried by itself; then a person decides. */
  reconnectForMs: 1_800_000,
  /** Lost again so soon after the account went on by itself: a person decides whether it goes on. */
  repeatedWithinMs: 600_000,
  /** Between two tries: doubled with each, from the first to the longest. */
  firstTryMs: 1_000,
  longestTryMs: 30_000,
  /** How often another comparison with the venue is asked for, until one is clean. */
  compareAgainMs: 15_000,
  /** Most that the venue's clock may differ, where the account's limits say nothing. */
  clockSkewMs: 500,
} as const;

export type OutageRules = Readonly<Record<keyof typeof OUTAGE, number>>;

/** How long the next try is waited for, after so many without an answer. */
export function backoffMs(tries: number, { firstTryMs, longestTryMs }: Pick<OutageRules, 'firstTryMs' | 'longestTryMs'>): number {
  return Math.min(longestTryMs, firstTryMs * 2 ** Math.min(tries, 30));
}
