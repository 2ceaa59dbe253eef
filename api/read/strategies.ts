import type { Config } from '../../config/index.js';
import { KeelsonError } from '../../core/errors.js';

/**
 * What is said of a strategy that an account has not binds nobody: who mistypes a name must not believe that it does.
 * @throws KeelsonError INPUT_UNKNOWN_STRATEGY
 */
export function assertStrategy(config: Config, account: string, strategy: string): void {
  const known = config.strategies.filter((one) => one.account === account).map(({ id }) => id);
  if (known.includes(strategy)) return;
  throw new KeelsonError('INPUT_UNKNOWN_STRATEGY', { account, strategy, known: known.join(', ') || 'none' });
}
