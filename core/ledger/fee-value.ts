import type { Decimal } from '../money/index.js';
import type { LedgerFill } from './position.js';

/**
 * What a fee was worth in the quote asset when it was paid. In quote: itself. In base: at the fill's own price. In a third asset: at
 * the close of the newest bar of that asset against the quote that had closed by then, not older than `FEE_PRICE_MAX_AGE_MS`; without
 * one its worth is not known, and nothing is guessed.
 *
 * @param thirdPrice that close
 */
export function feeValueOf(fill: LedgerFill, thirdPrice: Decimal | undefined): Decimal | undefined {
  if (fill.fee.isZero() || fill.feeAsset === fill.quote) return fill.fee;
  if (fill.feeAsset === fill.base) return fill.fee.mul(fill.price);
  return thirdPrice === undefined ? undefined : fill.fee.mul(thirdPrice);
}

export const FEE_PRICE_MAX_AGE_MS = 3_600_000;

export function isThirdAsset({ feeAsset, base, quote, fee }: LedgerFill): boolean {
  return !fee.isZero() && feeAsset !== base && feeAsset !== quote;
}
