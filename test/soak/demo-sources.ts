import { loadConfig, type Config } from '../../config/index.js';
import { loadMarket } from '../../exchange/market/load.js';
import type { DemoPlan, DemoSource } from './demo-liveliness.js';

/** Eight hours of 1 s bars. */
export const EIGHT_HOURS = 28_800;
/** Half the spread in basis points, on top of the configured fee. */
const SPREAD_BPS = 2;

/** What `npm start` plays with, from the configuration in the repository's root. */
export function defaultConfig(): Config {
  return loadConfig({ path: 'keelson.config.json', env: {} });
}

/** The model that the configuration approves, as its loader wants it. */
export function approvedModel(config: Config): { readonly path: string; readonly expectedHash: string } {
  const [strategy] = config.strategies;
  if (!strategy) throw new RangeError('no strategy is configured');
  return { path: strategy.model.path, expectedHash: strategy.model.sha256 };
}

export function demoPlan(config: Config, bars: number): DemoPlan {
  const [strategy] = config.strategies;
  const limits = Object.values(config.limits)[0];
  if (!strategy || !limits) throw new RangeError('no strategy or no limits are configured');
  if (strategy.sizing.kind !== 'fixedNotional') throw new RangeError('the demo is measured at a fixed notional');
  const { notional } = strategy.sizing;
  const costRatio = (limits.takerFeeBps + SPREAD_BPS) / 10_000;
  return { bars, equity: Number(config.demo.balances['USDT'] ?? 0), notional: Number(notional), costRatio };
}

/**
 * The configured instruments as the paper venue itself plays them. Recorded ones begin after `trainedTo`, so that the
 * model has seen nothing of what is played, and loop within that.
 */
export function demoSources(config: Config, seed: number, trainedTo: string): readonly DemoSource[] {
  const from = new Date(Date.parse(trainedTo) + 86_400_000).toISOString().slice(0, 10);
  const loaded = loadMarket({
    data: config.demo.data.map(({ instrument, path }) => ({ file: path, instrument, from, to: undefined })),
    simulations: config.demo.simulate.map(({ instrument, startPrice, barVolatilityRatio }, index) => ({
      instrument,
      seed: seed + index,
      startPrice: Number(startPrice),
      volatility: barVolatilityRatio,
    })),
    startOffset: 0,
    atEnd: 'loop',
    seed,
  });
  return loaded.map(({ instrument, series }) => ({ instrument: instrument.name, bar: (index) => series.bar(index) }));
}

/** The same sources begun `offset` bars later, as the venue's `--start-offset` does. */
export function begunAt(sources: readonly DemoSource[], offset: number): readonly DemoSource[] {
  return sources.map(({ instrument, bar }) => ({ instrument, bar: (index) => bar(index + offset) }));
}
