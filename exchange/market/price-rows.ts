/** One recorded or generated bar. Prices are floats: they are rounded to the instrument's tick where they are played. */
export interface PriceRow {
  /** Epoch ms UTC of the bar's beginning. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** The commonest distance between two rows, in ms. */
export function commonStepMs(rows: readonly PriceRow[]): number {
  const counts = new Map<number, number>();
  for (let index = 1; index < rows.length; index += 1) {
    const step = (rows[index] as PriceRow).time - (rows[index - 1] as PriceRow).time;
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  let best = 0;
  let most = 0;
  for (const [step, count] of counts) {
    if (count > most) [best, most] = [step, count];
  }
  return best;
}

/**
 * Sorted by time, one row a time, extremes that hold open and close. @throws RangeError when a figure is no positive number
 * or nothing is left; the message names the row.
 */
export function checkedRows(rows: readonly PriceRow[]): PriceRow[] {
  const sorted = [...rows].sort((left, right) => left.time - right.time);
  const kept: PriceRow[] = [];
  for (const [index, row] of sorted.entries()) {
    const prices = [row.open, row.high, row.low, row.close];
    if (!Number.isFinite(row.time) || !prices.every((price) => Number.isFinite(price) && price > 0)) {
      throw new RangeError(`row ${index}: time and prices must be positive numbers, not ${JSON.stringify(row)}`);
    }
    if (kept.length > 0 && (kept[kept.length - 1] as PriceRow).time === row.time) continue;
    const volume = Number.isFinite(row.volume) && row.volume > 0 ? row.volume : 0;
    kept.push({ ...row, high: Math.max(...prices), low: Math.min(...prices), volume });
  }
  if (kept.length < 2) throw new RangeError('fewer than two rows');
  return kept;
}
