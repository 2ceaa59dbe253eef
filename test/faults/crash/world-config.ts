import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootFolder } from '../../../config/index.js';

export interface WorldConfig {
  readonly account: string;
  readonly instrument: string;
  /** What its strategies are configured for beside that. */
  readonly others?: readonly string[];
  readonly strategies?: readonly string[];
  readonly restingMs?: number;
  /** What else is said of its account. */
  readonly rules?: Readonly<Record<string, object>>;
}

/**
 * What a comparison may find rightly while a guardian is stopped, or starts on a busy machine: the account is paused, and goes on
 * when a later one is clean. Whatever else is found is a fault, and keeps it paused.
 */
const LIFT_AFTER = ['positionWithoutOwner', 'positionWithoutStop', 'wrongStopQuantity'];

/** The configuration of a world's workers, as the file has it. */
export function writeWorldConfig({ account, instrument, others = [], strategies = ['still'], restingMs, rules = {} }: WorldConfig): string {
  const path = join(rootFolder(), 'models', 'momentum-entry.onnx');
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const execution = restingMs === undefined ? { kind: 'market' } : { kind: 'limit', offsetBps: 40, workMs: restingMs };
  return JSON.stringify({
    venues: { paper: { profile: 'binance', paper: true } },
    accounts: { [account]: { venue: 'paper', reconciliation: { liftAfter: LIFT_AFTER }, ...rules } },
    strategies: strategies.map((id) => ({
      id,
      account,
      instruments: [instrument, ...others],
      interval: '1s',
      signalValidMs: 2_000,
      model: { path, sha256, threshold: 0 },
      sizing: { kind: 'fixedNotional', notional: '500' },
      execution,
    })),
    limits: {
      [account]: {
        maxOrderNotional: '1000',
        maxInstrumentExposure: '20000',
        maxAccountExposure: '20000',
        maxOpenOrders: 20,
        // More than any plan of these orders, and so in nobody's way.
        maxStrategyOrdersPerSecond: 1_000,
        maxStrategyOrdersPerMinute: 1_000,
        maxAccountOrdersPerSecond: 1_000,
        maxAccountOrdersPerMinute: 1_000,
        maxRepeats: 1_000,
        duplicateWindowMs: 0,
        collarBps: 50,
        priceMaxAgeMs: 10_000,
      },
    },
    demo: { balances: { USDT: '100000' } },
  });
}
