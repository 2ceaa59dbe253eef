import { decimal, floorToStep, maximum, ZERO, type Decimal } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';

/** What of a position the venue's step lets us sell. */
export function sellable(quantity: Decimal, rules: InstrumentRules): Decimal {
  return maximum(ZERO, floorToStep(quantity, decimal(rules.stepSize)));
}

/** Whether so much is less than the venue would take at that price (P21). */
export function isDust(quantity: Decimal, price: Decimal, rules: InstrumentRules): boolean {
  return quantity.lt(decimal(rules.minQuantity)) || quantity.mul(price).lt(decimal(rules.minNotional));
}

/** The part of a position that no stop can protect at that price: what is under the step, or all of it. */
export function dustOf(quantity: Decimal, price: Decimal, rules: InstrumentRules): Decimal {
  const target = sellable(quantity, rules);
  return isDust(target, price, rules) ? maximum(ZERO, quantity) : quantity.minus(target);
}
