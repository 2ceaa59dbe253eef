import type { Decimal } from '../money/index.js';
import { ZERO } from '../money/index.js';

/** A long-only spot position of one strategy in one instrument: quantity in base, cost and pnl in quote. */
export interface PositionState {
  readonly quantity: Decimal;
  /** What the open quantity cost, before fees. */
  readonly cost: Decimal;
  readonly realizedPnl: Decimal;
}

const COST_PLACES = 18;

export const FLAT: PositionState = { quantity: ZERO, cost: ZERO, realizedPnl: ZERO };

/** A fill as the ledger needs it. */
export interface LedgerFill {
  readonly side: 'buy' | 'sell';
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly fee: Decimal;
  readonly feeAsset: string;
  readonly base: string;
  readonly quote: string;
}

export interface LedgerEntry {
  readonly asset: string;
  readonly delta: Decimal;
  readonly kind: 'trade' | 'fee';
}

/** The changes of assets that a fill makes; exact, and never rounded. */
export function entriesOf(fill: LedgerFill): readonly LedgerEntry[] {
  const notional = fill.price.mul(fill.quantity);
  const sign = fill.side === 'buy' ? 1 : -1;
  const trade: LedgerEntry[] = [
    { asset: fill.base, delta: fill.quantity.mul(sign), kind: 'trade' },
    { asset: fill.quote, delta: notional.mul(-sign), kind: 'trade' },
  ];
  return fill.fee.isZero() ? trade : [...trade, { asset: fill.feeAsset, delta: fill.fee.neg(), kind: 'fee' }];
}

/**
 * The position after a fill. Its quantity is what the fill changed in the base asset, so a fee taken in base makes it
 * smaller: that is what can be sold again (protocol P21). Fees in quote reduce the realized pnl; a third asset's do not.
 */
export function applyFill(position: PositionState, fill: LedgerFill): PositionState {
  const baseFee = fill.feeAsset === fill.base ? fill.fee : ZERO;
  const quoteFee = fill.feeAsset === fill.quote ? fill.fee : ZERO;
  const notional = fill.price.mul(fill.quantity);
  if (fill.side === 'buy') {
    return {
      quantity: position.quantity.plus(fill.quantity).minus(baseFee),
      cost: position.cost.plus(notional),
      realizedPnl: position.realizedPnl.minus(quoteFee),
    };
  }
  const left = position.quantity.minus(fill.quantity).minus(baseFee);
  // The share may have no end of digits: it is rounded, and what rounding leaves out is realized, so the sum stays exact.
  const cost = left.lte(0) ? ZERO : position.cost.mul(left).div(position.quantity).toDecimalPlaces(COST_PLACES);
  const released = position.cost.minus(cost);
  return {
    quantity: left,
    cost,
    realizedPnl: position.realizedPnl.plus(notional).minus(released).minus(quoteFee),
  };
}
