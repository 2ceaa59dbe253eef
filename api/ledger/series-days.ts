const DAY_MS = 86_400_000;

/** Of how many days the equity series is read beside everything else: it has a row for each minute. */
export const USUAL_DAYS = 7;

/** So many days before then, epoch ms. */
export const daysBefore = (now: number, days = USUAL_DAYS): number => now - days * DAY_MS;
