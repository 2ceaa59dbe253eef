import type { PriceColumns } from '../../core/strategy/price-columns.js';
import { roundTripFrom, stepsOver, type RoundTrip } from './round-trip.js';

/** One bar on which a position could have been opened, and what would have become of it. */
export interface Sample {
  readonly trip: RoundTrip;
  readonly features: readonly number[];
  /** 1 when the position earned more than its fees. */
  readonly label: 0 | 1;
  /** True on the bar where the strategy itself opens; the others are later bars of the same trend. */
  readonly isEntry: boolean;
}

/**
 * Every bar from an open of the strategy to the close that ends it. The strategy's own entries alone would be too few
 * to learn from; the later bars of a trend are entries that came late, with the same exit. Their outcomes overlap,
 * so that they weigh less than their number: the report counts entries.
 */
export function collectSamples(prices: PriceColumns): readonly Sample[] {
  const steps = stepsOver(prices);
  const samples: Sample[] = [];
  let inTrend = false;
  steps.forEach((step, index) => {
    if (step.intent === 'open') inTrend = true;
    if (step.intent === 'close') inTrend = false;
    if (!inTrend) return;
    const trip = roundTripFrom(prices, steps, index);
    if (!trip) return;
    samples.push({ trip, features: step.features, label: trip.netReturn > 0 ? 1 : 0, isEntry: step.intent === 'open' });
  });
  return samples;
}
