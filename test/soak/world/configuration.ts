import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../config/index.js';
import { INSTRUMENT, type SoakLane } from './lane.js';

/** The strategy whose signals a soak gives itself. */
export const STRATEGY = 'still';

/**
 * Every account with a strategy that decides nothing by itself; limits and the losses of a day are out of the way.
 * @param interval of its bars; prices come each second all the same.
 */
export function configuration(lanes: readonly SoakLane[], interval: '1s' | '1m'): string {
  const path = join(rootFolder(), 'models', 'momentum-entry.onnx');
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const of = (entry: (lane: SoakLane) => object): object => Object.fromEntries(lanes.map((lane) => [lane.account, entry(lane)]));
  return JSON.stringify({
    venues: of(({ urls }) => ({ profile: 'binance', paper: true, urls })),
    accounts: of(({ account }) => ({ venue: account, watch: { dailyLossWarnRatio: 0.98, dailyLossLimitRatio: 0.99 } })),
    strategies: lanes.map(({ account }) => ({
      ...{ id: STRATEGY, account, instruments: [INSTRUMENT], interval, signalValidMs: 2_000 },
      model: { path, sha256, threshold: 0 },
      sizing: { kind: 'fixedNotional', notional: '500' },
      execution: { kind: 'market' },
    })),
    limits: of(() => ({
      ...{ maxOrderNotional: '5000', maxInstrumentExposure: '20000', maxAccountExposure: '20000', maxOpenOrders: 50 },
      ...{ maxStrategyOrdersPerSecond: 1_000, maxStrategyOrdersPerMinute: 1_000, maxAccountOrdersPerSecond: 1_000 },
      ...{ maxAccountOrdersPerMinute: 1_000, maxRepeats: 1_000, duplicateWindowMs: 0, collarBps: 100, priceMaxAgeMs: 10_000 },
    })),
    demo: { balances: { USDT: '100000' } },
  });
}
