import { amountsOf, decimal, type Amounts, type DecimalText } from '../money/index.js';

interface Balance {
  readonly asset: string;
  readonly free: DecimalText;
  readonly locked: DecimalText;
}

/** What a venue's list of balances says is held: free and locked together, by asset. */
export function heldOf(balances: readonly Balance[]): Amounts {
  return amountsOf(balances.map(({ asset, free, locked }) => [asset, decimal(free).plus(decimal(locked))]));
}
