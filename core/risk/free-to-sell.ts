import { amountOf, ZERO, decimal, maximum, minimum, type Decimal } from '../money/index.js';
import type { OrderPurpose } from '../order/order-type.js';
import type { RiskView, WorkingOrder } from './view.js';

interface Key {
  readonly strategy: string;
  readonly instrument: string;
}
/** Whether a sell of the position itself counts as having sold. */
type Counts = (purpose: OrderPurpose) => boolean;
const EACH: Counts = () => true;

/**
 * What of a position may be sold: what is held less what sells already work on (P18), and never more than is there. Fees
 * that are paid in a coin which is held as a position take of the coin and leave the position as it is. Never negative.
 */
export function freeToSell(key: Key, ledger: RiskView, counts: Counts = EACH): Decimal {
  return maximum(ZERO, minimum(freeOfPosition(key, ledger, counts), there(key, ledger, counts)));
}

/** … by the position alone, for who knows from the venue what is there. One that is working or unknown counts as executed (P18). */
export function freeOfPosition(key: Key, ledger: RiskView, counts: Counts = EACH): Decimal {
  const sells = ledger.workingOrders.filter((one) => isOf(one, key) && one.side === 'sell' && counts(one.purpose));
  return maximum(ZERO, surelyHeld(key, ledger.positions).minus(reservedBase(sells)));
}

/**
 * What is held of a position. Of one that is kept otherwise than its fills add up to, nobody knows which is so: no more than the lesser of both
 * is sold.
 */
export function surelyHeld(key: Key, positions: RiskView['positions']): Decimal {
  const row = positions.find((one) => isOf(one, key));
  const quantity = decimal(row?.quantity ?? '0');
  return minimum(quantity, decimal(row?.filled ?? quantity.toFixed()));
}

/**
 * What the account has of the base that no sell may still take. A buy that would pay with it does not count: what may be in vain takes
 * no position its stop (entries are denied what positions hold, `balanceFailures`).
 */
function there(key: Key, ledger: RiskView, counts: Counts): Decimal {
  const base = baseOf(key.instrument);
  // Nothing of it was ever booked, so the books say nothing of it; nothing that is missing stops what reduces (P19).
  if (!Object.hasOwn(ledger.balances, base)) return decimal(ledger.positions.find((one) => isOf(one, key))?.quantity ?? '0');
  const sells = ledger.workingOrders.filter(
    (one) => one.side === 'sell' && baseOf(one.instrument) === base && (!isOf(one, key) || counts(one.purpose)),
  );
  return amountOf(ledger.balances, base).minus(reservedBase(sells));
}

function reservedBase(sells: readonly WorkingOrder[]): Decimal {
  return sells.reduce((sum, one) => sum.plus(decimal(one.reservedQuantity)), ZERO);
}

function baseOf(instrument: string): string {
  return instrument.split('/')[0] ?? instrument;
}

function isOf(one: Key, key: Key): boolean {
  return one.strategy === key.strategy && one.instrument === key.instrument;
}
