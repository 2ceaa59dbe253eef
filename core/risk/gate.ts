import { allowsEntries, allowsStrategyExits, effectiveMode } from '../control/mode.js';
import { failure, type Failure } from '../errors.js';
import { Decimal, ZERO, ceilToStep, decimal, floorToStep, text, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import { intentIdOf, signalId, type Leg, type TradeSignal } from '../signal/signal.js';
import { sizeEntry, type Sizing } from '../sizing/fixed-notional.js';
import { entryLimitFailures } from './entry-limits.js';
import { PROTOCOL } from './limits.js';
import type { LiveView, RiskView } from './view.js';

declare const approved: unique symbol;

/** An order that has passed the gate. Only `decideOrder` makes one, so an unapproved order cannot be authorised. */
export interface ApprovedOrder {
  readonly [approved]: true;
  readonly intentId: string;
  readonly instrument: string;
  readonly base: string;
  readonly quote: string;
  readonly leg: Leg;
  readonly side: 'buy' | 'sell';
  readonly timeInForce: 'IOC';
  readonly quantity: DecimalText;
  readonly price: DecimalText;
  readonly reservedQuantity: DecimalText;
  readonly reservedNotional: DecimalText;
  readonly controlVersion: string;
  readonly riskVersion: string;
}

export type GateVerdict =
  | { readonly kind: 'approved'; readonly order: ApprovedOrder }
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] };

/** A market order is sent as a limit order that fills at once or not at all, at the edge of the collar. */
export interface OrderDraft {
  readonly side: 'buy' | 'sell';
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly reference: Decimal;
}

/**
 * The pre-trade gate: signal, ledger and live view in, an approved order or every reason against it out. Pure. Entries
 * need every input and are denied when one is missing; exits need the position, the venue's filters and no latch (P19).
 */
export function decideOrder(signal: TradeSignal, sizing: Sizing, ledger: RiskView, live: LiveView, attempt = 1): GateVerdict {
  const failures: Failure[] = [...signalFailures(signal, ledger, live), ...modeFailures(signal, ledger)];
  const rules = ledger.instrument;
  if (rules === undefined) {
    failures.push(failure('RISK_INSTRUMENT_UNKNOWN', { venue: ledger.venue, instrument: signal.instrument }));
    return { kind: 'denied', failures };
  }
  const draft = signal.leg === 'open' ? draftEntry(signal, sizing, ledger, live, rules) : draftExit(signal, ledger, live, rules);
  if ('code' in draft) return { kind: 'denied', failures: [...failures, draft] };
  failures.push(...filterFailures(draft, rules));
  if (signal.leg === 'open') failures.push(...entryLimitFailures(signal, draft, ledger, live, rules));
  if (failures.length > 0) return { kind: 'denied', failures };
  return { kind: 'approved', order: approve(signal, draft, ledger, rules, attempt) };
}

function signalFailures(signal: TradeSignal, ledger: RiskView, live: LiveView): Failure[] {
  const failures: Failure[] = [];
  if (live.now > signal.validUntil) {
    failures.push(
      failure('RISK_SIGNAL_EXPIRED', { signal: signalId(signal), validUntil: iso(signal.validUntil), now: iso(live.now) }),
    );
  }
  if (ledger.activeVersion !== signal.strategyVersion) {
    failures.push(
      failure('RISK_STRATEGY_INACTIVE', {
        version: signal.strategyVersion,
        strategy: signal.strategy,
        account: signal.account,
        instrument: signal.instrument,
        active: ledger.activeVersion ?? 'none',
      }),
    );
  }
  return failures;
}

function modeFailures(signal: TradeSignal, ledger: RiskView): Failure[] {
  const { account, venue } = ledger;
  const target = { account, venue, strategy: signal.strategy, instrument: signal.instrument };
  const mode = effectiveMode(ledger.mode, ledger.latches, target);
  if (mode === 'killed') return [failure('RISK_KILLED', { account, scope: ledger.latches.map((latch) => latch.scope).join(', ') })];
  const allowed = signal.leg === 'open' ? allowsEntries(mode) : allowsStrategyExits(mode);
  return allowed ? [] : [failure('RISK_MODE', { account, mode })];
}

function draftEntry(
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
  return { side: 'buy', quantity: sizeEntry(sizing, price, decimal(rules.stepSize)), price, reference };
}

function draftExit(signal: TradeSignal, ledger: RiskView, live: LiveView, rules: InstrumentRules): OrderDraft | Failure {
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
  const isFresh = live.price !== undefined && live.price.ageMs <= ledger.limits.priceMaxAgeMs;
  const reference = decimal(live.price?.price ?? signal.referencePrice);
  const collarBps = Math.min(isFresh ? ledger.limits.collarBps : ledger.limits.collarBps * 2, PROTOCOL.exitCollarMaxBps);
  return { side: 'sell', quantity, price: collarPrice('sell', reference, collarBps, rules), reference };
}

function collarPrice(side: 'buy' | 'sell', reference: Decimal, collarBps: number, rules: InstrumentRules): Decimal {
  const tick = decimal(rules.tickSize);
  const share = new Decimal(collarBps).div(10_000);
  // Rounded inwards, so that rounding never carries the price out of its collar.
  return side === 'buy' ? floorToStep(reference.mul(share.plus(1)), tick) : ceilToStep(reference.mul(new Decimal(1).minus(share)), tick);
}

function filterFailures(draft: OrderDraft, rules: InstrumentRules): Failure[] {
  const failures: Failure[] = [];
  const quantity = draft.quantity.toFixed();
  const notional = draft.quantity.mul(draft.price);
  if (!rules.trading) {
    failures.push(failure('RISK_INSTRUMENT_HALTED', { instrument: rules.instrument, venue: 'the venue', status: rules.status }));
  }
  if (draft.quantity.lt(decimal(rules.minQuantity))) {
    failures.push(failure('ORDER_BELOW_MIN_QUANTITY', { quantity, minimum: rules.minQuantity }));
  }
  if (draft.quantity.gt(decimal(rules.maxQuantity))) {
    failures.push(failure('ORDER_ABOVE_MAX_QUANTITY', { quantity, maximum: rules.maxQuantity }));
  }
  if (notional.lt(decimal(rules.minNotional))) {
    failures.push(failure('ORDER_BELOW_MIN_NOTIONAL', { notional: notional.toFixed(), minimum: rules.minNotional }));
  }
  return failures;
}

function approve(signal: TradeSignal, draft: OrderDraft, ledger: RiskView, rules: InstrumentRules, attempt: number): ApprovedOrder {
  return {
    intentId: intentIdOf(signal, attempt),
    instrument: signal.instrument,
    base: rules.base,
    quote: rules.quote,
    leg: signal.leg,
    side: draft.side,
    timeInForce: 'IOC',
    quantity: text(draft.quantity),
    price: text(draft.price),
    reservedQuantity: text(draft.quantity),
    reservedNotional: text(draft.side === 'buy' ? withFee(draft.quantity.mul(draft.price), ledger) : ZERO),
    controlVersion: ledger.controlVersion,
    riskVersion: ledger.riskVersion,
  } as ApprovedOrder;
}

/** A notional with the highest fee that its fills can cost. */
export function withFee(notional: Decimal, ledger: RiskView): Decimal {
  return notional.mul(new Decimal(10_000 + ledger.limits.takerFeeBps).div(10_000));
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
