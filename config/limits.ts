import { WATCH_LIMIT_KEYS } from '../core/risk/limit-table.js';
import type { ConfiguredLimits } from '../core/risk/limits.js';
import { KeelsonError } from '../core/errors.js';
import type { Config } from './schema.js';
import { INTERVALS } from './values.js';

const SHORTEST_PRICE_AGE_MS = 2_000;
const INTERVALS_OF_AGE = 3;

/**
 * The limits that the file gives an account, those of its watch with them: its first rows, and later what may be stricter than they. Where the file says nothing of the price's age it is three of the longest
 * interval that the account's strategies decide on, and never less than 2 s.
 * @throws KeelsonError INPUT_UNKNOWN_ACCOUNT
 */
export function limitsOf(config: Config, account: string): ConfiguredLimits & { readonly priceMaxAgeMs: number } {
  const given = config.limits[account];
  if (given === undefined) {
    throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account, known: Object.keys(config.accounts).join(', ') });
  }
  const intervals = config.strategies.filter((strategy) => strategy.account === account).map((strategy) => INTERVALS[strategy.interval]);
  const priceMaxAgeMs = given.priceMaxAgeMs ?? Math.max(SHORTEST_PRICE_AGE_MS, INTERVALS_OF_AGE * Math.max(0, ...intervals));
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const watch = config.accounts[account]?.watch;
  const ofWatch = watch === undefined ? {} : Object.fromEntries(WATCH_LIMIT_KEYS.map((key) => [key, watch[key]]));
  return { ...said, priceMaxAgeMs, ...ofWatch };
}
