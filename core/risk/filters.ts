import { failure, type Failure } from '../errors.js';
import { decimal, floorToStep, isOnStep, minimum, type Decimal } from '../money/index.js';
import { salesTaken, type InstrumentRules } from '../order/instrument.js';
import type { StoredOrder } from '../order/stored-order.js';
import type { OrderDraft } from './draft.js';

/**
 * Every filter of the venue that an order breaks. They bind exits and stops as well as entries.
 *
 * @param venue its name, for people
 */
export function filterFailures(draft: OrderDraft, rules: InstrumentRules, venue: string): Failure[] {
  const failures: Failure[] = [];
  const quantity = draft.quantity.toFixed();
  const notional = draft.quantity.mul(draft.price);
  if (!isTaken(draft, rules)) {
    failures.push(failure('RISK_INSTRUMENT_HALTED', { instrument: rules.instrument, venue, status: rules.status }));
  }
  if (!isOnStep(draft.quantity, decimal(rules.stepSize))) {
    failures.push(failure('ORDER_QUANTITY_PRECISION', { quantity, stepSize: rules.stepSize }));
  }
  for (const price of [draft.price, ...(draft.stopPrice === null ? [] : [draft.stopPrice])]) {
    if (!isOnStep(price, decimal(rules.tickSize))) {
      failures.push(failure('ORDER_PRICE_PRECISION', { price: price.toFixed(), tickSize: rules.tickSize }));
    }
  }
  if (draft.quantity.lt(decimal(rules.minQuantity))) {
    failures.push(failure('ORDER_BELOW_MIN_QUANTITY', { quantity, minimum: rules.minQuantity }));
  }
  if (draft.quantity.gt(decimal(rules.maxQuantity))) {
    failures.push(failure('ORDER_ABOVE_MAX_QUANTITY', { quantity, maximum: rules.maxQuantity }));
  }
  if (draft.type === 'stopMarket' && !isMarketable(draft.quantity, rules)) {
    failures.push(failure('ORDER_ABOVE_MAX_MARKET_QUANTITY', { quantity, maximum: rules.maxMarketQuantity ?? '' }));
  }
  if (notional.lt(decimal(rules.minNotional))) {
    failures.push(failure('ORDER_BELOW_MIN_NOTIONAL', { notional: notional.toFixed(), minimum: rules.minNotional }));
  }
  return failures;
}

/** Whether an instrument takes such orders now: one that takes no entries may still let what is held be sold (P19). */
function isTaken({ purpose, type }: OrderDraft, rules: InstrumentRules): boolean {
  if (purpose === 'entry') return rules.trading;
  const sales = salesTaken(rules);
  return sales === 'all' || (sales === 'limit' && type !== 'stopMarket');
}

/** So much of a quantity as the venue takes in one order: what is left goes by further ones. */
export function inOneOrder(quantity: Decimal, rules: InstrumentRules): Decimal {
  return floorToStep(minimum(quantity, decimal(rules.maxQuantity)), decimal(rules.stepSize));
}

/** Whether an order is as large as the venue takes, so that there may be more to sell than it sells. */
export function isLargest({ quantity }: Pick<StoredOrder, 'quantity'>, rules: InstrumentRules): boolean {
  return decimal(quantity).gte(floorToStep(decimal(rules.maxQuantity), decimal(rules.stepSize)));
}

/** Whether the venue takes so much in one order at the market. */
export function isMarketable(quantity: Decimal, { maxMarketQuantity }: InstrumentRules): boolean {
  return maxMarketQuantity === undefined || quantity.lte(decimal(maxMarketQuantity));
}

/** Whether a resting order lies on the grid of tick and step, which the venue may have changed since. */
export function isOnGrid(order: StoredOrder, rules: InstrumentRules): boolean {
  const tick = decimal(rules.tickSize);
  // A market stop's price is only reckoned with; the venue does not know it.
  const prices = [...(order.stopPrice === null ? [] : [order.stopPrice]), ...(order.type === 'stopMarket' ? [] : [order.price])];
  return prices.every((price) => isOnStep(decimal(price), tick)) && isOnStep(decimal(order.quantity), decimal(rules.stepSize));
}
