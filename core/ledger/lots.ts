import { ZERO, minimum, type Decimal } from '../money/index.js';
import { worthOf, type LedgerFill } from './position.js';

/** What one purchase left: quantity in base, cost in quote. Below zero: sold before its purchase was told. */
export interface Lot {
  readonly quantity: Decimal;
  readonly cost: Decimal;
  readonly openedTime: number;
}

/** Lots one behind the other; a state that shares some with another changes none of them. */
interface Chain {
  readonly lot: Lot;
  readonly next: Chain | undefined;
}

/** A line of lots, all of one sign: what comes joins at the end, what goes leaves at the front, neither by a copy of the others. */
export interface LotState {
  /** The oldest of all first … */
  readonly front: Chain | undefined;
  /** … and behind them these, the newest first. */
  readonly back: Chain | undefined;
  /** Of all lots together. */
  readonly cost: Decimal;
  readonly realizedPnl: Decimal;
}

export const NO_LOTS: LotState = { front: undefined, back: undefined, cost: ZERO, realizedPnl: ZERO };

/** The lots, oldest first. */
export function lotsOf({ front, back }: LotState): readonly Lot[] {
  return [...listed(front), ...listed(back).reverse()];
}

function listed(chain: Chain | undefined): Lot[] {
  const lots: Lot[] = [];
  for (let at = chain; at !== undefined; at = at.next) lots.push(at.lot);
  return lots;
}

/** As in position.ts: a share may have no end of digits, and what is not in the cost that stays is realized. */
const COST_PLACES = 18;

/**
 * First in, first out: what is sold is what was bought first. The same conventions as by average cost: a fee in base makes what was
 * bought smaller, one in quote is taken off the realized result, one in a third asset is told apart.
 */
export function applyToLots(before: LotState, fill: LedgerFill, time: number): LotState {
  const isBuy = fill.side === 'buy';
  const notional = worthOf(fill);
  const baseFee = fill.feeAsset === fill.base ? fill.fee : ZERO;
  const quoteFee = fill.feeAsset === fill.quote ? fill.fee : ZERO;
  const change = (isBuy ? fill.quantity : fill.quantity.neg()).minus(baseFee);
  const cash = isBuy ? notional.neg() : notional;
  const after = afterChange(before, change, cash, time);
  return { ...after, realizedPnl: before.realizedPnl.plus(cash).plus(after.cost).minus(before.cost).minus(quoteFee) };
}

function afterChange(before: LotState, wholeChange: Decimal, wholeCash: Decimal, openedTime: number): LotState {
  let state = before;
  let [change, cash] = [wholeChange, wholeCash];
  // A fee that ate all of it leaves nothing: what was paid is lost.
  while (!change.isZero()) {
    state = withFront(state);
    const first = state.front?.lot;
    if (first === undefined || first.quantity.mul(change).gt(0)) return joined(state, { quantity: change, cost: cash.neg(), openedTime });
    const used = minimum(first.quantity.abs(), change.abs());
    const left = first.quantity.abs().minus(used);
    if (!left.isZero()) {
      const quantity = first.quantity.gt(0) ? left : left.neg();
      return withFirst(state, { ...first, quantity, cost: first.cost.mul(quantity).div(first.quantity).toDecimalPlaces(COST_PLACES) });
    }
    state = withFirst(state, undefined);
    // What is more than the oldest lot takes from the next, with its share of the cash.
    const remaining = change.gt(0) ? change.minus(used) : change.plus(used);
    cash = cash.mul(remaining).div(change).toDecimalPlaces(COST_PLACES);
    change = remaining;
  }
  return state;
}

/** The same lots, with the oldest in front. */
function withFront(state: LotState): LotState {
  if (state.front !== undefined || state.back === undefined) return state;
  let front: Chain | undefined;
  for (let at: Chain | undefined = state.back; at !== undefined; at = at.next) front = { lot: at.lot, next: front };
  return { ...state, front, back: undefined };
}

function joined(state: LotState, lot: Lot): LotState {
  return { ...state, back: { lot, next: state.back }, cost: state.cost.plus(lot.cost) };
}

/** Without its oldest lot, or with another in its place. */
function withFirst(state: LotState, lot: Lot | undefined): LotState {
  const { front, cost } = state;
  if (front === undefined) return state;
  const others = lot === undefined ? front.next : { lot, next: front.next };
  return { ...state, front: others, cost: cost.minus(front.lot.cost).plus(lot?.cost ?? ZERO) };
}
