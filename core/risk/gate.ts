import { allowsEntries, allowsStrategyExits, effectiveMode } from '../control/mode.js';
import { failure, type Failure } from '../errors.js';
import { ZERO, decimal, text, type DecimalText } from '../money/index.js';
import type { InstrumentRules } from '../order/instrument.js';
import { intentIdOf, signalId, type Leg, type TradeSignal } from '../signal/signal.js';
import type { Sizing, SizingBasis } from '../sizing/sizing.js';
import { draftEntry, draftExit, withFee, type OrderDraft } from './draft.js';
import { entryLimitFailures } from './entry-limits.js';
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
  /** What made an entry as large as it is; null for an exit, which has the size of what is held. */
  readonly sizing: SizingBasis | null;
  readonly controlVersion: string;
  readonly riskVersion: string;
}

export type GateVerdict =
  | { readonly kind: 'approved'; readonly order: ApprovedOrder }
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] };

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
    failures.push(failure('RISK_SIGNAL_EXPIRED', { signal: signalId(signal), validUntil: iso(signal.validUntil), now: iso(live.now) }));
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
  return allowed ? [] : [failure('RISK_MODE', { account, mode, leg: signal.leg })];
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
    sizing: draft.sizing ?? null,
    controlVersion: ledger.controlVersion,
    riskVersion: ledger.riskVersion,
  } as ApprovedOrder;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
