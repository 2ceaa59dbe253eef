import { ZERO, maximum, minimum, type Decimal } from '../money/index.js';
import type { LedgerFill } from './position.js';

/** What one purchase left: quantity in base, cost in quote. Below zero: sold before its purchase was told. */
export interface Lot {
  readonly quantity: Decimal;
  readonly cost: Decimal;
  readonly openedTime: number;
}

export interface LotState {
  /** Oldest first; all of one sign. */
  readonly lots: readonly Lot[];
  readonly realizedPnl: Decimal;
}

export const NO_LOTS: LotState = { lots: [], realizedPnl: ZERO };

/** As in position.ts: a share may have no end of digits, and what is not in the cost that stays is realized. */
const COST_PLACES = 18;

/**
 * First in, first out: what is sold is what was bought first. The same conventions as by average cost: a fee in base makes what was
 * bought smaller, one in quote is taken off the realized result, one in a third asset is told apart.
 */
export function applyToLots({ lots, realizedPnl }: LotState, fill: LedgerFill, time: number): LotState {
  const isBuy = fill.side === 'buy';
  const notional = fill.price.mul(fill.quantity);
  const baseFee = fill.feeAsset === fill.base ? fill.fee : ZERO;
  const quoteFee = fill.feeAsset === fill.quote ? fill.fee : ZERO;
  const change = (isBuy ? fill.quantity : fill.quantity.neg()).minus(baseFee);
  const cash = isBuy ? notional.neg() : notional;
  const before = costOf(lots);
  const after = afterChange(lots, change, cash, time);
  return { lots: after, realizedPnl: realizedPnl.plus(cash).plus(costOf(after)).minus(before).minus(quoteFee) };
}

function afterChange(lots: readonly Lot[], change: Decimal, cash: Decimal, openedTime: number): readonly Lot[] {
  const [first, ...others] = lots;
  // A fee that ate all of it leaves nothing: what was paid is lost.
  if (change.isZero()) return lots;
  if (first === undefined || first.quantity.mul(change).gt(0)) return [...lots, { quantity: change, cost: cash.neg(), openedTime }];
  const used = minimum(first.quantity.abs(), change.abs());
  const left = first.quantity.abs().minus(used);
  const remaining = change.gt(0) ? maximum(ZERO, change.minus(used)) : minimum(ZERO, change.plus(used));
  if (left.isZero()) {
    // What is more than the oldest lot takes from the next, with its share of the cash.
    const share = remaining.isZero() ? ZERO : cash.mul(remaining).div(change).toDecimalPlaces(COST_PLACES);
    return remaining.isZero() ? others : afterChange(others, remaining, share, openedTime);
  }
  const quantity = first.quantity.gt(0) ? left : left.neg();
  return [{ ...first, quantity, cost: first.cost.mul(quantity).div(first.quantity).toDecimalPlaces(COST_PLACES) }, ...others];
}

export function costOf(lots: readonly Lot[]): Decimal {
  return lots.reduce((sum, lot) => sum.plus(lot.cost), ZERO);
}
