import { Decimal } from '../money/index.js';

const BPS = new Decimal(10_000);
const PLACES = 4;

/** How much worse than a price something was executed; below zero: better. */
export interface Slippage {
  readonly price: Decimal;
  readonly bps: Decimal;
  /** In the quote asset, over the whole quantity. */
  readonly cost: Decimal;
}

export interface Executed {
  readonly side: 'buy' | 'sell';
  readonly quantity: Decimal;
  readonly notional: Decimal;
}

/** @param price what it is measured against; undefined where nobody noted it */
export function slippageOf({ side, quantity, notional }: Executed, price: Decimal | undefined): Slippage | undefined {
  if (price === undefined || price.lte(0) || quantity.lte(0)) return undefined;
  const fair = price.mul(quantity);
  const cost = side === 'buy' ? notional.minus(fair) : fair.minus(notional);
  return { price, cost, bps: cost.mul(BPS).div(fair).toDecimalPlaces(PLACES) };
}
