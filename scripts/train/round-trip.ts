import { lastColumns, type PriceColumns } from '../../core/strategy/price-columns.js';
import { momentumTrend, stepOnPrices } from '../../core/strategy/momentum-trend.js';
import type { StrategyStep } from '../../core/strategy/strategy.js';

/** What an exchange takes of each side of a trade; 10 basis points is the paper venue's taker fee. */
export const FEE_RATIO = 0.001;

export interface RoundTrip {
  /** Index of the bar on whose close the decision fell; the fill is at the next bar's open. */
  readonly decided: number;
  /** Index of the bar in which the position was left. */
  readonly left: number;
  readonly leftBy: 'close' | 'stop';
  /** After the fees of both sides, as a fraction of what was paid. */
  readonly netReturn: number;
}

/** The strategy's step at the close of every bar of a series; the first ones are warm-up. */
export function stepsOver(prices: PriceColumns): readonly StrategyStep[] {
  return Array.from(prices.close, (_, index) => stepOnPrices(lastColumns(prices, momentumTrend.lookbackBars, index + 1)));
}

/**
 * The position that a decision on bar `decided` would have become: bought at the next open, sold at the open after the
 * strategy's next close, or at its stop (at the open of a bar that gapped through it), fees on both sides.
 * Undefined when the series ends before the position does: an outcome that is not known is not a label.
 */
export function roundTripFrom(prices: PriceColumns, steps: readonly StrategyStep[], decided: number): RoundTrip | undefined {
  const entry = prices.open[decided + 1];
  const decision = steps[decided];
  if (entry === undefined || decision === undefined) return undefined;
  const stop = entry * (1 - decision.stopDistanceRatio);
  for (let index = decided + 1; index < prices.close.length; index += 1) {
    const open = prices.open[index] ?? entry;
    const low = prices.low[index] ?? open;
    if (index > decided + 1 && steps[index - 1]?.intent === 'close') return ended(index, 'close', open / entry);
    if (low <= stop) return ended(index, 'stop', Math.min(stop, open) / entry);
  }
  return undefined;

  function ended(left: number, leftBy: RoundTrip['leftBy'], growth: number): RoundTrip {
    const netReturn = (growth * (1 - FEE_RATIO)) / (1 + FEE_RATIO) - 1;
    return { decided, left, leftBy, netReturn };
  }
}
