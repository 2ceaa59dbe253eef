import { normal, uniform } from '../random/seeded.js';
import type { PriceRow } from './price-rows.js';

export interface Generator {
  readonly seed: number;
  readonly startPrice: number;
  /** Standard deviation of one bar's log return, such as 0.0012. */
  readonly volatility: number;
  readonly bars: number;
}

const STEPS_PER_BAR = 8;

/**
 * A seeded price history: a random walk with slowly changing volatility and short trends, bent so that it ends where it
 * began (played in a loop it neither jumps nor drifts).
 */
export function generateRows(generator: Generator): PriceRow[] {
  const { seed, bars } = generator;
  const path = logPath(generator);
  const bend = (path[path.length - 1] as number) / (path.length - 1);
  const priceAt = (index: number): number => generator.startPrice * Math.exp((path[index] as number) - bend * index);
  const rows: PriceRow[] = [];
  for (let bar = 0; bar < bars; bar += 1) {
    const from = bar * STEPS_PER_BAR;
    const prices = Array.from({ length: STEPS_PER_BAR + 1 }, (_, step) => priceAt(from + step));
    const [open, close] = [prices[0] as number, prices[STEPS_PER_BAR] as number];
    const [high, low] = [Math.max(...prices), Math.min(...prices)];
    const activity = 0.5 + uniform(seed, bar, 7) + (100 * (high - low)) / open;
    rows.push({ time: bar * 1000, open, high, low, close, volume: (activity * 250_000) / generator.startPrice });
  }
  return rows;
}

function logPath({ seed, volatility, bars }: Generator): Float64Array {
  const path = new Float64Array(bars * STEPS_PER_BAR + 1);
  const stepDeviation = volatility / Math.sqrt(STEPS_PER_BAR);
  let heat = 0;
  let trend = 0;
  for (let bar = 0; bar < bars; bar += 1) {
    // Volatility clusters and trends last tens of bars, as they do in recorded prices.
    heat = 0.97 * heat + 0.1 * normal(seed, bar, 11);
    trend = 0.98 * trend + 0.05 * normal(seed, bar, 13);
    const deviation = stepDeviation * Math.exp(heat);
    for (let step = 0; step < STEPS_PER_BAR; step += 1) {
      const index = bar * STEPS_PER_BAR + step;
      const drift = (trend * deviation) / STEPS_PER_BAR;
      path[index + 1] = (path[index] as number) + drift + deviation * normal(seed, index, 17);
    }
  }
  return path;
}
