import type { DecimalText } from '../money/index.js';
import type { WatchLimits } from '../risk/limits.js';

/** What the configuration says of an account's watch. */
export interface WatchSettings {
  /** For how long the venue may not answer, and no price may come, before the account is paused and its venue counts as lost. */
  readonly venueUnreachableMs: number;
  readonly noMarketDataMs: number;
  /** Prices of assets that no instrument of the account marks, in its quote asset; what is not named counts as nothing. */
  readonly unmarkedPrices: Readonly<Record<string, DecimalText>>;
}

/** When the watch of an account warns and acts. */
export type WatchRules = WatchSettings & Omit<WatchLimits, 'killPolicy'>;

/** The protocol's numbers of the watch ("Numbers", and the issue of the account watch). */
export const WATCH = {
  sampleMs: 1_000,
  /** Losses that are not yet beyond the kill count when so many samples in a row show them … */
  confirmingSamples: 3,
  /** … each at least this long after the last one that was counted: two guardians sample side by side. */
  confirmingGapMs: 900,
  equityUnknownMs: 15_000,
  /** Balances that differ in another way at each reading for so long: what the account is worth is not known any more. */
  movingMs: 15_000,
  /** What comes back within it was never gone: a venue may show the halves of a fill one after the other. */
  cameBackMs: 60_000,
  /** What is booked the venue has shown by then; by as much the clocks of people, venue and database may differ. */
  shownMs: 120_000,
  /** What the venue lacks for so long against the books is no booking ahead of it. */
  lackingMs: 900_000,
  /** The longest that an account may set. */
  venueUnreachableMs: 120_000,
  noMarketDataMs: 300_000,
  /** It is compared with the venue each minute, or with others in turn each three. When none came to an end for so long, and that has been seen for as long as the next … */
  notComparedWarnMs: 180_000,
  /** … people are told; the same of what ends entries (`RISK_NOT_COMPARED`). */
  notComparedForMs: 120_000,
  /** A reading of balances may come so much later than planned before the balances count as unknown. */
  readingGraceMs: 2_000,
} as const;
