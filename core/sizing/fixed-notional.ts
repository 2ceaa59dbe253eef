import type { Decimal } from '../money/index.js';
import { decimal, floorToStep, type DecimalText } from '../money/index.js';

/** How much an opening signal buys. Further kinds (risk per trade, volatility target) join this union. */
export type Sizing = { readonly kind: 'fixedNotional'; readonly notional: DecimalText };

/** Quantity in base for an entry at `price`, rounded down to the venue's step; zero when it is under one step. */
export function sizeEntry(sizing: Sizing, price: Decimal, stepSize: Decimal): Decimal {
  return floorToStep(decimal(sizing.notional).div(price), stepSize);
}
