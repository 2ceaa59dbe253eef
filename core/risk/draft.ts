import { failure, type Failure } from '../errors.js';
import { Decimal, ZERO, ceilToStep, decimal, floorToStep } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { TradeSignal } from '../signal/signal.js';
import { sizeEntry, type Sizing, type SizingBasis } from '../sizing/sizing.js';
import { PROTOCOL } from './limits.js';
import type { LiveView, RiskView } from './view.js';

/** A market order is sent as a limit order that fills at once or not at all, at the edge of the collar. */
export interface OrderDraft {
  readonly side: 'buy' | 'sell';
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly reference: Decimal;
  /** Why an entry is as large as it is; an exit has the size of what is held. */
  readonly sizing?: SizingBasis;
}

/** The entry that sizing makes of an opening signal, or why there is none. */
export function draftEntry(
  signal: TradeSignal,
  sizing: Sizing,
  ledger: RiskView,
  live: LiveView,
  rules: InstrumentRules,
): OrderDraft | Failure {
  const held = ledger.positions.find((one) => one.strategy === signal.strategy && one.instrument === signal.instrument);
  const reference = decimal(live.price?.price ?? signal.referencePrice);
  const quantityHeld = decimal(held?.quantity ?? '0');
  // Less than the venue would let us sell is dust, not a position: it must not forbid trading for ever.
  const isDust = quantityHeld.lt(decimal(rules.minQuantity)) || quantityHeld.mul(reference).lt(decimal(rules.minNotional));
  const working = ledger.workingOrders.some((one) => one.strategy === signal.strategy && one.instrument === signal.instrument);
  if (!isDust || working) {
    return failure('RISK_POSITION_EXISTS', {
      strategy: signal.strategy,
      quantity: quantityHeld.toFixed(),
      instrument: signal.instrument,
    });
  }
  const price = collarPrice('buy', reference, ledger.limits.collarBps, rules);
  const sized = sizeEntry(sizing, signal, price, decimal(rules.stepSize));
  return 'code' in sized ? sized : { side: 'buy', quantity: sized.quantity, price, reference, sizing: sized.basis };
}

/** The exit of what the ledger holds, less what exits already work on (P3, P18), or why there is none. */
export function draftExit(signal: TradeSignal, ledger: RiskView, live: LiveView, rules: InstrumentRules): OrderDraft | Failure {
  const held = ledger.positions.find((one) => one.strategy === signal.strategy && one.instrument === signal.instrument);
  const exits = ledger.workingOrders.filter(
    (one) => one.strategy === signal.strategy && one.instrument === signal.instrument && one.side === 'sell',
  );
  // P18: an exit that is working or unknown counts as executed, so exits can never jointly oversell.
  const reserved = exits.reduce((sum, one) => sum.plus(decimal(one.reservedQuantity)), ZERO);
  const free = decimal(held?.quantity ?? '0').minus(reserved);
  const quantity = free.gt(0) ? floorToStep(free, decimal(rules.stepSize)) : ZERO;
  if (quantity.lte(0)) return failure('RISK_NO_POSITION', { strategy: signal.strategy, instrument: signal.instrument });
  // P19: no stale or missing price stops an exit; without a fresh one the last mark serves, with a wider collar.
  const reference = decimal(live.price?.price ?? signal.referencePrice);
  const collarBps = Math.min(
    isFresh(live.price, ledger) ? ledger.limits.collarBps : ledger.limits.collarBps * 2,
    PROTOCOL.exitCollarMaxBps,
  );
  return { side: 'sell', quantity, price: collarPrice('sell', reference, collarBps, rules), reference };
}

function collarPrice(side: 'buy' | 'sell', reference: Decimal, collarBps: number, rules: InstrumentRules): Decimal {
  const tick = decimal(rules.tickSize);
  const share = new Decimal(collarBps).div(10_000);
  // Rounded inwards, so that rounding never carries the price out of its collar.
  return side === 'buy' ? floorToStep(reference.mul(share.plus(1)), tick) : ceilToStep(reference.mul(new Decimal(1).minus(share)), tick);
}

/** A price from the future is not fresh: our clock was set back, and nobody knows how old it is. */
export function isFresh(price: LiveView['price'], ledger: RiskView): boolean {
  return price !== undefined && Math.abs(price.ageMs) <= ledger.limits.priceMaxAgeMs;
}

/** A notional with the highest fee that its fills can cost. */
export function withFee(notional: Decimal, ledger: RiskView): Decimal {
  return notional.mul(new Decimal(10_000 + ledger.limits.takerFeeBps).div(10_000));
}
