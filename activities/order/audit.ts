import type { Failure } from '../../core/errors.js';
import type { Mid } from '../../core/ledger/mid.js';
import type { DecimalText } from '../../core/money/index.js';
import type { Surprise } from '../../core/order/lifecycle.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import { signalId, type TradeSignal } from '../../core/signal/signal.js';
import type { Events, Intent } from '../ports/store.js';

type AuditEvent = NonNullable<Events['audit']>[number];

/** The line of the audit log for a signal; `failures` say why it was not traded. */
export function signalEvent(kind: 'signal.recorded' | 'signal.notTraded', signal: TradeSignal, failures: readonly Failure[]): AuditEvent {
  const { account, strategy, strategyVersion, instrument, leg, referencePrice, score, threshold, modelHash, reason } = signal;
  return {
    kind,
    account,
    data: {
      signalId: signalId(signal),
      strategy,
      strategyVersion,
      instrument,
      leg,
      referencePrice,
      barCloseTime: signal.barCloseTime,
      ...(score === undefined ? {} : { score, threshold, modelHash }),
      reason,
      failures,
    },
  };
}

/** What was seen of the market when an order was decided: the last price, and the middle of the book or why there was none. */
export interface Arrival {
  readonly price: DecimalText | undefined;
  readonly mid: Mid;
}

function arrivalData({ price, mid }: Arrival): object {
  return {
    ...(price === undefined ? {} : { arrivalPrice: price }),
    ...('price' in mid ? { arrivalMid: mid.price } : { withoutMid: mid.missing }),
  };
}

/**
 * What the gate's verdict on an intent leaves in the audit log: of its signal, where it has one, and of the order.
 * @param arrival what its slippage is measured against
 */
export function verdictEvents(
  intent: Intent,
  signal: TradeSignal | null,
  clientOrderId: string,
  verdict: GateVerdict,
  arrival?: Arrival,
): Events {
  const { intentId, account, strategy, instrument, leg, purpose } = intent;
  const about = { ...(signal === null ? {} : { signalId: signalId(signal) }), intentId, strategy, instrument, leg, purpose };
  if (verdict.kind === 'denied') {
    const { failures } = verdict;
    const denied = { kind: 'order.denied', account, data: { ...about, failures, codes: failures.map((one) => one.code) } };
    // A further order of a signal that was traded before says nothing about the signal.
    const repeated = failures.find((one) => one.code === 'RISK_REPEATED_EXECUTION');
    const repeats = Number(repeated?.values['count']);
    return {
      audit: [...(signal === null || intent.sequence > 1 ? [] : [signalEvent('signal.notTraded', signal, failures)]), denied],
      ...(repeated === undefined ? {} : { repeated: [{ account, strategy, instrument, count: repeats, reason: repeated.message }] }),
    };
  }
  const { side, quantity, price, stopPrice, sizing } = verdict.order;
  const data = {
    ...about,
    clientOrderId,
    side,
    quantity,
    price,
    ...(stopPrice === null ? {} : { stopPrice }),
    ...(sizing === null ? {} : { sizing }),
    ...(arrival === undefined ? {} : arrivalData(arrival)),
  };
  const authorised = { kind: 'order.authorised', account, data };
  return { audit: [...(signal === null || intent.sequence > 1 ? [] : [signalEvent('signal.recorded', signal, [])]), authorised] };
}

/** Why the owner of a position is told: something was bought and is to be protected, its stop is not as it was, or an order lives on. */
export type OwnerCause = 'bought' | 'stopChanged' | 'lateEvidence';

/**
 * Tells the owner of the order's position. Of exits and escapes it hears nothing: it makes them itself, and looks afterwards;
 * but for what contradicts what it has concluded.
 */
export function ownerEvent({ account, strategy, instrument, purpose }: StoredOrder, surprises: readonly Surprise[]): Events {
  const isSurprising = surprises.length > 0;
  if (!isSurprising && (purpose === 'exit' || purpose === 'escape' || purpose === 'flatten')) return {};
  const because: OwnerCause = isSurprising ? 'lateEvidence' : purpose === 'stop' ? 'stopChanged' : 'bought';
  return { outbox: [{ kind: 'positionChanged', data: { account, strategy, instrument, because } }] };
}

/** The line of the audit log for what happened to an order. */
export function orderEvent(kind: string, order: StoredOrder, extra: object = {}): AuditEvent {
  const { account, intentId, clientOrderId, venueOrderId, strategy, instrument, side, leg, purpose, quantity, price, stopPrice, status } =
    order;
  return {
    kind: `order.${kind}`,
    account,
    data: {
      intentId,
      clientOrderId,
      venueOrderId,
      strategy,
      instrument,
      side,
      leg,
      purpose,
      quantity,
      price,
      ...(stopPrice === null ? {} : { stopPrice }),
      status,
      ...extra,
    },
  };
}

/** Evidence that contradicts what we had concluded: an incident, and no further entries in the instrument (P13). */
export function surpriseEvents(order: StoredOrder, surprises: readonly Surprise[], detail: object): Events {
  if (surprises.length === 0) return {};
  const kind = surprises.join('+');
  const incident = { key: `${kind}:${order.intentId}`, account: order.account, kind, data: { ...detail, intentId: order.intentId } };
  return {
    incidents: [incident],
    blocks: [
      { account: order.account, instrument: order.instrument, reason: `incident ${kind} of order ${order.intentId} waits for a person` },
    ],
  };
}

/** Joins what several parts want written with one change. */
export function joined(...parts: readonly Events[]): Events {
  return {
    audit: parts.flatMap((part) => part.audit ?? []),
    outbox: parts.flatMap((part) => part.outbox ?? []),
    incidents: parts.flatMap((part) => part.incidents ?? []),
    blocks: parts.flatMap((part) => part.blocks ?? []),
  };
}
