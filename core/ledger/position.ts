import type { Decimal } from '../money/index.js';
import { ZERO } from '../money/index.js';
import type { AssetChange } from './double-entry.js';

/**
 * A spot position of one strategy in one instrument: quantity in base, cost and pnl in quote. Nobody sells short here,
 * but sales may be booked before the purchases that they sold from: until those come, quantity and cost are below zero.
 */
export interface PositionState {
  readonly quantity: Decimal;
  /** What the open quantity cost, before fees; below zero what was received for it. */
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
  /** What was paid or received in the quote asset, as the venue says it; absent: price times quantity. */
  readonly amount?: Decimal | undefined;
  readonly fee: Decimal;
  readonly feeAsset: string;
  readonly base: string;
  readonly quote: string;
}

export interface LedgerEntry extends AssetChange {
  readonly kind: 'trade' | 'fee';
}

/** What a fill was worth in the quote asset: what the venue says it was, which may have fewer places than price times quantity. */
export function worthOf({ price, quantity, amount }: Pick<LedgerFill, 'price' | 'quantity' | 'amount'>): Decimal {
  return amount ?? price.mul(quantity);
}

/** The changes of assets that a fill makes; as the venue says them, and never rounded here. */
export function entriesOf(fill: LedgerFill): readonly LedgerEntry[] {
  const notional = worthOf(fill);
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
  const notional = worthOf(fill);
  const isBuy = fill.side === 'buy';
  const change = (isBuy ? fill.quantity : fill.quantity.neg()).minus(baseFee);
  const cash = isBuy ? notional.neg() : notional;
  const quantity = position.quantity.plus(change);
  const cost = costAfter(position, quantity, change, cash);
  // Whatever of the cash is not in the cost is realized, so that the two always sum up exactly.
  return { quantity, cost, realizedPnl: position.realizedPnl.plus(cash).plus(cost).minus(position.cost).minus(quoteFee) };
}

/** A share may have no end of digits: it is rounded here, and nowhere else. */
function costAfter(position: PositionState, quantity: Decimal, change: Decimal, cash: Decimal): Decimal {
  // What its fee ate whole leaves nothing that could have cost anything.
  if (quantity.isZero()) return ZERO;
  const grows = position.quantity.mul(change).gte(0);
  if (grows) return position.cost.minus(cash);
  const turns = position.quantity.mul(quantity).lt(0);
  // What is left of a reduced position costs its share; one that turned is new, and costs its share of this fill.
  const share = turns ? cash.neg().mul(quantity).div(change) : position.cost.mul(quantity).div(position.quantity);
  return share.toDecimalPlaces(COST_PLACES);
}
