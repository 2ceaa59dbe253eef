import type { DecimalText } from '../money/index.js';

/**
 * One closed OHLCV bar of an instrument. Times are epoch milliseconds UTC; `closeTime` is the last millisecond that
 * belongs to the bar (`openTime + intervalMs - 1`), as the venues write it.
 */
export interface Bar {
  readonly instrument: string;
  readonly intervalMs: number;
  readonly openTime: number;
  readonly closeTime: number;
  readonly open: DecimalText;
  readonly high: DecimalText;
  readonly low: DecimalText;
  readonly close: DecimalText;
  readonly volume: DecimalText;
}
