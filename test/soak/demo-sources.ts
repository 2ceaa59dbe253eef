import { readFileSync } from 'node:fs';
import { packagedSeriesPath } from '../../scripts/train/daily-series.js';
import { generateRows } from '../../exchange/market/generate-rows.js';
import { readPriceRows } from '../../exchange/market/read-rows.js';
import { Series } from '../../exchange/market/series.js';
import { seedFor } from '../../exchange/random/seeded.js';
import type { DemoSource } from './demo-liveliness.js';

/** Simulated instruments of the demo: start price and standard deviation of a bar's return, as in keelson.config.json. */
export const SIMULATED = [
  { instrument: 'BTC/USDT', startPrice: 60_000, volatility: 0.006 },
  { instrument: 'ETH/USDT', startPrice: 3_000, volatility: 0.008 },
] as const;

/** Length of a simulated series before it begins anew. */
const SIMULATED_BARS = 7_200;

/**
 * The three instruments of the demo, as the paper venue plays them: the S&P 500 from the first day after `trainedTo`,
 * in a loop, and two simulated ones. All begin `offset` bars into their series.
 */
export function demoSources(seed: number, offset: number, trainedTo: string): readonly DemoSource[] {
  const rows = readPriceRows(packagedSeriesPath());
  const firstRow = rows.findIndex((row) => row.time > Date.parse(trainedTo));
  const recorded = new Series(rows, { firstRow, lastRow: rows.length - 1, startOffset: offset, atEnd: 'loop' });
  const simulated = SIMULATED.map(({ instrument, startPrice, volatility }) => {
    const generated = generateRows({ seed: seedFor(seed, instrument), startPrice, volatility, bars: SIMULATED_BARS });
    const window = { firstRow: 0, lastRow: generated.length - 1, startOffset: offset, atEnd: 'loop' } as const;
    const series = new Series(generated, window);
    return { instrument, bar: (index: number) => series.bar(index) };
  });
  return [{ instrument: 'SPX/USDT', bar: (index: number) => recorded.bar(index) }, ...simulated];
}

/** The committed model and its hash, as `npm run train` wrote them; paths are relative to the repository's root. */
export function approvedModel(): { readonly path: string; readonly expectedHash: string } {
  const [expectedHash = '', file = ''] = readFileSync('models/SHA256SUMS', 'utf8').trim().split(/\s+/);
  return { path: `models/${file}`, expectedHash };
}
