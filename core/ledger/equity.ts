import { maximum, minimum, type Decimal } from '../money/index.js';

/** What an account was worth over a stretch of time, as its watch has seen it. */
export interface EquityPoint {
  /** Begin of the stretch, epoch ms. */
  readonly time: number;
  readonly opening: Decimal;
  readonly highest: Decimal;
  readonly lowest: Decimal;
  readonly closing: Decimal;
}

/** Longer stretches made of shorter ones, which come in their order. Stretches without a sample are left out. Pure. */
export function equitySeries(points: readonly EquityPoint[], stretchMs: number): readonly EquityPoint[] {
  const series: EquityPoint[] = [];
  for (const point of points) {
    const time = Math.floor(point.time / stretchMs) * stretchMs;
    const last = series.at(-1);
    if (last?.time !== time) {
      series.push({ ...point, time });
      continue;
    }
    const highest = maximum(last.highest, point.highest);
    series[series.length - 1] = { ...last, highest, lowest: minimum(last.lowest, point.lowest), closing: point.closing };
  }
  return series;
}
