import type { FlattenPolicy } from '../control/mode.js';
import type { DecimalText } from '../money/index.js';
import type { RowKey } from './limit-table.js';

/**
 * What holds for one strategy on one instrument of an account: of every row in scope the strictest. Notionals and exposures
 * in the quote asset of the instrument; null is no limit.
 */
export interface Limits {
  readonly maxOrderNotional: DecimalText;
  readonly maxInstrumentExposure: DecimalText;
  readonly maxStrategyExposure: DecimalText | null;
  readonly maxVenueExposure: DecimalText | null;
  readonly maxAccountExposure: DecimalText;
  readonly maxInstrumentNetExposure: DecimalText | null;
  readonly maxStrategyNetExposure: DecimalText | null;
  readonly maxVenueNetExposure: DecimalText | null;
  readonly maxAccountNetExposure: DecimalText | null;
  readonly maxOpenOrders: number;
  readonly maxStrategyOrdersPerSecond: number;
  readonly maxStrategyOrdersPerMinute: number;
  readonly maxAccountOrdersPerSecond: number;
  readonly maxAccountOrdersPerMinute: number;
  readonly maxRepeats: number;
  readonly duplicateWindowMs: number;
  /** How far the order's price may lie from the fresh reference. */
  readonly collarBps: number;
  /** The highest fee a fill can cost, reserved with the order. */
  readonly takerFeeBps: number;
  readonly priceMaxAgeMs: number;
  readonly clockSkewMs: number;
  /** Each of them has to be open: `hoursOf` reads them. None is always open. */
  readonly tradingHours: readonly string[];
}

/** At which losses the account watch warns and acts: shares of what the day began with, or of the peak. */
export interface WatchLimits {
  readonly dailyLossWarnRatio: number;
  readonly dailyLossLimitRatio: number;
  readonly drawdownWarnRatio: number;
  readonly drawdownLimitRatio: number;
  /** What becomes of what is held when the watch halts the account. */
  readonly killPolicy: FlattenPolicy;
}

/** What an account may be given in the file: every limit is optional here but those that have no default. */
export type ConfiguredLimits = Readonly<Partial<Record<RowKey, string | number>>>;

/** The protocol's numbers that are not an account's to choose (order protocol, "Numbers"). */
export const PROTOCOL = {
  authorisedForMs: 5_000,
  /** The longest time after its signing for which a venue may still admit an order (P5), whatever its profile says. */
  receiveWindowMaxMs: 2_000,
  compareAndSetAttempts: 10,
  workingOrderPollMs: 2_000,
  latchLockWaitMs: 500,
  statementTimeoutMs: 1_000,
  fillCatchUpOverlapMs: 600_000,
  exitCollarMaxBps: 400,
  /** An exit whose stop was taken away while its signal was valid is sold this long after that; what is held then has its stop again (P2, P20). */
  exitUnderWayMs: 60_000,
  /** A stop that has woken and is not filled after this long is canceled, and the rest leaves within the collar (P21). */
  triggeredStopMs: 2_000,
  /** How far under its stop price a stop-limit still sells. */
  stopLimitBps: 50,
  /** For a position whose signal told no distance for its stop. */
  stopDistanceRatio: 0.05,
  /** A stream of prices that is silent for so long is dead; one that is so late by the venue's own time is no better. */
  dataLateMs: 5_000,
  /** The account watch's last sample, and the last equity it knew, may be this old for an entry (P26). */
  watchSilentMs: 5_000,
  /** The last comparison with the venue that came to an end may be this old for an entry: one is made each minute. */
  notComparedMs: 900_000,
  /** A process that could complete no statement for longer needs a clean check of ledger against venue before entries. */
  ledgerLostMs: 5_000,
  /** A halt that no kill has begun to carry out by then is carried out by the account watch itself (P26). */
  killBegunMs: 5_000,
  /** A spot account holds no more than it has paid for. */
  spotLeverage: 1,
} as const;
