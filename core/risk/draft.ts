import { failure, type Failure } from '../errors.js';
import { MARKET, type ExecutionPolicy } from '../execution/policy.js';
import { Decimal, ZERO_TEXT, ceilToStep, decimal, floorToStep, maximum, minimum, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import type { OrderPurpose, OrderType, TimeInForce } from '../order/order-type.js';
import type { TradeSignal } from '../signal/signal.js';
import { sizeEntry, type Sizing, type SizingBasis } from '../sizing/sizing.js';
import { inOneOrder } from './filters.js';
import { freeToSell } from './free-to-sell.js';
import { PROTOCOL } from './limits.js';
import type { LiveView, RiskView } from './view.js';

/** An order before the gate has looked at it. */
export interface OrderDraft {
  readonly purpose: OrderPurpose;
  readonly side: 'buy' | 'sell';
  readonly type: OrderType;
  readonly postOnly: boolean;
  readonly timeInForce: TimeInForce;
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly stopPrice: Decimal | null;
  readonly workingUntil: number | null;
  readonly reference: Decimal;
  /** Why an entry is as large as it is; an exit has the size of what is held. */
  readonly sizing?: SizingBasis;
}

/** On what terms a signal is traded. */
export interface OrderTerms {
  readonly sizing: Sizing;
  readonly execution: ExecutionPolicy;
  /** The n-th order of the signal; a further one is made only when the one before is over (P14, re-quotes, replacements). */
  readonly attempt: number;
  /** What the orders before this one have bought of the size, in base. */
  readonly executed: DecimalText;
  /** For an exit: counts the position's own stops as gone, since its owner takes them away first (P20). */
  readonly withoutStops: boolean;
  /** For an exit: it was approved before, and what stood in its way was taken away for it. */
  readonly isUnderWay: boolean;
}

/** The usual terms: the first order, at the market. */
export const termsOf = (sizing: Sizing, more: Partial<Omit<OrderTerms, 'sizing'>> = {}): OrderTerms => ({
  sizing,
  execution: MARKET,
  attempt: 1,
  executed: ZERO_TEXT,
  withoutStops: false,
  isUnderWay: false,
  ...more,
});

/** The entry that sizing makes of an opening signal, or why there is none. */
export function draftEntry(
  signal: TradeSignal,
  terms: OrderTerms,
  ledger: RiskView,
  live: LiveView,
  rules: InstrumentRules,
): OrderDraft | Failure {
  const reference = decimal(live.price?.price ?? signal.referencePrice);
  const exists = positionInTheWay(signal, terms, ledger, reference, rules);
  if (exists !== undefined) return exists;
  const price = entryPrice(terms, reference, ledger, rules);
  const sized = sizeEntry(terms.sizing, signal, price, decimal(rules.stepSize));
  if ('code' in sized) return sized;
  const quantity = sized.quantity.minus(decimal(terms.executed));
  const { execution } = terms;
  const common = {
    purpose: 'entry',
    side: 'buy',
    type: 'limit',
    quantity,
    price,
    stopPrice: null,
    reference,
    sizing: sized.basis,
  } as const;
  if (execution.kind === 'market') return { ...common, postOnly: false, timeInForce: 'IOC', workingUntil: null };
  const workingUntil = Math.min(live.now + execution.workMs, signal.validUntil);
  return { ...common, postOnly: execution.postOnly, timeInForce: 'GTC', workingUntil };
}

/** A market order is priced at the edge of the collar, a resting one where its policy says, and never beyond the collar. */
export function entryPrice(
  { execution, attempt }: Pick<OrderTerms, 'execution' | 'attempt'>,
  reference: Decimal,
  ledger: RiskView,
  rules: InstrumentRules,
): Decimal {
  const edge = collarPrice('buy', reference, ledger.limits.collarBps, rules);
  if (execution.kind === 'market') return edge;
  const tick = decimal(rules.tickSize);
  const wished = floorToStep(reference.mul(new Decimal(10_000 - execution.offsetBps).div(10_000)), tick);
  // Refused once because it would have taken: now under the reference, whatever the offset says.
  const quoted = execution.postOnly && attempt > 1 ? minimum(wished, floorToStep(reference, tick).minus(tick)) : wished;
  return minimum(quoted, edge);
}

function positionInTheWay(
  { strategy, instrument }: TradeSignal,
  { attempt, executed }: OrderTerms,
  ledger: RiskView,
  reference: Decimal,
  rules: InstrumentRules,
): Failure | undefined {
  const isOf = (one: { readonly strategy: string; readonly instrument: string }): boolean =>
    one.strategy === strategy && one.instrument === instrument;
  const quantity = decimal(ledger.positions.find(isOf)?.quantity ?? '0');
  const working = ledger.workingOrders.filter(isOf);
  // Less than the venue would let us sell is dust, not a position: it must not forbid trading for ever. What the same
  // signal's earlier order has bought is no position in its way either.
  const isDust = (some: Decimal): boolean => some.lt(decimal(rules.minQuantity)) || some.mul(reference).lt(decimal(rules.minNotional));
  const isFree = isDust(quantity.minus(decimal(executed))) && (attempt === 1 ? working.length === 0 : working.every(isStop));
  if (!isFree) return failure('RISK_POSITION_EXISTS', { strategy, quantity: quantity.toFixed(), instrument });
  // Its stop has woken, or more of what was bought is gone than its fees took: what would follow is bought while the position leaves.
  const kept = decimal(executed).mul(new Decimal(10_000 - ledger.limits.takerFeeBps).div(10_000));
  const isLeaving = attempt > 1 && (working.some((one) => one.isTriggered === true) || !isDust(kept.minus(quantity)));
  return isLeaving ? failure('RISK_POSITION_LEAVING', { strategy, instrument }) : undefined;
}

const isStop = ({ purpose }: { readonly purpose: OrderPurpose }): boolean => purpose === 'stop';

/** The exit of what the ledger holds and has, less what exits already work on (P3, P18), or why there is none. */
export function draftExit(
  signal: TradeSignal,
  { withoutStops }: OrderTerms,
  ledger: RiskView,
  live: LiveView,
  rules: InstrumentRules,
): OrderDraft | Failure {
  const counts = (purpose: OrderPurpose): boolean => !(withoutStops && purpose === 'stop');
  const quantity = inOneOrder(freeToSell(signal, ledger, counts), rules);
  if (quantity.lte(0)) return failure('RISK_NO_POSITION', { strategy: signal.strategy, instrument: signal.instrument });
  // P19: no stale or missing price stops an exit; without a fresh one the last mark serves, with a wider collar.
  const reference = decimal(live.price?.price ?? signal.referencePrice);
  const collarBps = isFresh(live.price, ledger) ? ledger.limits.collarBps : ledger.limits.collarBps * 2;
  return sellWithin(collarBps, 'exit', quantity, reference, rules);
}

/**
 * A sale that fills at once or not at all, at the edge of the collar, which is never wider than exits may have it. Where the tick
 * is so coarse that the collar holds no price under the reference, nothing could ever be sold but at the last price: an
 * exit, and what widens its collar by itself once that is at its widest, then goes one tick under the reference.
 */
export function sellWithin(
  collarBps: number,
  purpose: 'exit' | 'escape' | 'flatten',
  quantity: Decimal,
  reference: Decimal,
  rules: InstrumentRules,
): OrderDraft {
  const edge = collarPrice('sell', reference, Math.min(collarBps, PROTOCOL.exitCollarMaxBps), rules);
  const mayGoUnder = purpose === 'exit' || collarBps >= PROTOCOL.exitCollarMaxBps;
  const price = mayGoUnder && edge.gte(reference) ? tickUnder(reference, rules) : edge;
  return {
    purpose,
    side: 'sell',
    type: 'limit',
    postOnly: false,
    timeInForce: 'IOC',
    quantity,
    price,
    stopPrice: null,
    workingUntil: null,
    reference,
  };
}

function collarPrice(side: 'buy' | 'sell', reference: Decimal, collarBps: number, rules: InstrumentRules): Decimal {
  const tick = decimal(rules.tickSize);
  const share = new Decimal(collarBps).div(10_000);
  // Rounded inwards, so that rounding never carries the price out of its collar.
  return side === 'buy' ? floorToStep(reference.mul(share.plus(1)), tick) : ceilToStep(reference.mul(new Decimal(1).minus(share)), tick);
}

/** The highest price of the grid under a price; the lowest of the grid where there is none. */
function tickUnder(price: Decimal, rules: InstrumentRules): Decimal {
  const tick = decimal(rules.tickSize);
  return maximum(tick, ceilToStep(price, tick).minus(tick));
}

/** A price from the future is not fresh: our clock was set back, and nobody knows how old it is. */
export function isFresh(price: LiveView['price'], ledger: RiskView): boolean {
  return price !== undefined && Math.abs(price.ageMs) <= ledger.limits.priceMaxAgeMs;
}

/** A notional with the highest fee that its fills can cost. */
export function withFee(notional: Decimal, ledger: RiskView): Decimal {
  return notional.mul(new Decimal(10_000 + ledger.limits.takerFeeBps).div(10_000));
}
