import { failure, type Failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { decideOrder, type GateVerdict } from '../../core/risk/gate.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { intentIdOf, signalId, type TradeSignal } from '../../core/signal/signal.js';
import type { Authorised, Events } from '../ports/store.js';
import { signalEvent } from './audit.js';
import { clientOrderIdOf } from './client-order-id.js';
import type { OrderDependencies } from './dependencies.js';

/** The gate's verdict as the workflow carries it. */
export type Authorisation =
  | { readonly kind: 'authorised'; readonly order: StoredOrder }
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] };

/**
 * P4: reads the risk state, decides, and writes verdict, reservation and order row in one statement. Run again, it
 * returns the stored verdict and reserves nothing.
 */
export function createAuthorise(dependencies: OrderDependencies): (signal: TradeSignal) => Promise<Authorisation> {
  const queues = new Map<string, Promise<unknown>>();
  return (signal) => {
    // One at a time for each account: conflicts then come only from other processes.
    const before = queues.get(signal.account) ?? Promise.resolve();
    const mine = before.then(() => authorise(dependencies, signal));
    queues.set(
      signal.account,
      mine.catch(() => undefined),
    );
    return mine;
  };
}

async function authorise(dependencies: OrderDependencies, signal: TradeSignal): Promise<Authorisation> {
  const { store, live, epoch, instanceId, sizingOf } = dependencies;
  const { account, strategy, instrument } = signal;
  const clientOrderId = clientOrderIdOf(instanceId, intentIdOf(signal));
  let controlVersion = '0';
  for (let attempt = 0; attempt < PROTOCOL.compareAndSetAttempts; attempt += 1) {
    const ledger = await store.readRisk({ account, strategy, instrument });
    controlVersion = ledger.controlVersion;
    const view = live.view(account, instrument);
    const verdict = decideOrder(signal, sizingOf(account, strategy), ledger, view);
    const written = await store.authorise(
      { signal, clientOrderId, epoch, controlVersion, verdict, authorisedForMs: authorisedForMs(signal, view.now) },
      eventsOf(signal, clientOrderId, verdict),
    );
    if (written.kind !== 'conflict') return toAuthorisation(written);
  }
  const failures = [failure('RISK_CONTENTION', { account, attempts: PROTOCOL.compareAndSetAttempts })];
  const verdict: GateVerdict = { kind: 'denied', failures };
  const written = await store.authorise(
    { signal, clientOrderId, epoch, controlVersion, verdict, authorisedForMs: 0 },
    eventsOf(signal, clientOrderId, verdict),
  );
  return written.kind === 'conflict' ? { kind: 'denied', failures } : toAuthorisation(written);
}

/** No entry leaves after its signal has expired, however long it waits between this step and the next; an exit may. */
function authorisedForMs(signal: TradeSignal, now: number): number {
  const { authorisedForMs: longest } = PROTOCOL;
  return signal.leg === 'open' ? Math.max(0, Math.min(longest, signal.validUntil - now)) : longest;
}

function toAuthorisation(written: Exclude<Authorised, { kind: 'conflict' }>): Authorisation {
  if (written.kind === 'notTraded') return { kind: 'denied', failures: written.failures };
  const { order } = written;
  return order.status === 'denied' ? { kind: 'denied', failures: order.failures } : { kind: 'authorised', order };
}

function eventsOf(signal: TradeSignal, clientOrderId: string, verdict: GateVerdict): Events {
  const { account, strategy, instrument, leg } = signal;
  const about = { signalId: signalId(signal), intentId: intentIdOf(signal), strategy, instrument, leg };
  if (verdict.kind === 'denied') {
    const { failures } = verdict;
    return {
      audit: [
        signalEvent('signal.notTraded', signal, failures),
        { kind: 'order.denied', account, data: { ...about, failures, codes: failures.map((one) => one.code) } },
      ],
    };
  }
  const { side, quantity, price, sizing } = verdict.order;
  return {
    audit: [
      signalEvent('signal.recorded', signal, []),
      { kind: 'order.authorised', account, data: { ...about, clientOrderId, side, quantity, price, sizing } },
    ],
  };
}
