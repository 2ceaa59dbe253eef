import { dirname, resolve } from 'node:path';
import type { Config, Interval } from '../config/index.js';

/** What flags change of the configuration for this start. */
export interface Overrides {
  readonly startOffset?: number;
  readonly interval?: Interval;
  readonly seed?: number;
  /** Recorded series to play instead of, or beside, the configured ones. Paths are absolute. */
  readonly data?: Config['demo']['data'];
}

/** The configuration as this start uses it. */
export function withOverrides(config: Config, overrides: Overrides): Config {
  const { startOffset, interval, seed, data = [] } = overrides;
  const given = new Set(data.map((series) => series.instrument));
  return {
    ...config,
    // Strategies decide on the bars that are played.
    strategies: interval === undefined ? config.strategies : config.strategies.map((strategy) => ({ ...strategy, interval })),
    demo: {
      ...config.demo,
      startOffset: startOffset ?? config.demo.startOffset,
      interval: interval ?? config.demo.interval,
      seed: seed ?? config.demo.seed,
      data: [...config.demo.data.filter((series) => !given.has(series.instrument)), ...data],
      simulate: config.demo.simulate.filter((series) => !given.has(series.instrument)),
    },
  };
}

/** The configuration as a file that can lie anywhere: paths in it are made absolute. */
export function standingAlone(config: Config, file: string): string {
  const folder = dirname(file);
  const from = (path: string): string => resolve(folder, path);
  const absolute: Config = {
    ...config,
    strategies: config.strategies.map((strategy) => ({ ...strategy, model: { ...strategy.model, path: from(strategy.model.path) } })),
    demo: { ...config.demo, data: config.demo.data.map((series) => ({ ...series, path: from(series.path) })) },
  };
  return `${JSON.stringify(absolute, undefined, 2)}\n`;
}
