import { failure, type Failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { RiskView } from '../../core/risk/view.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { closedMs } from '../../core/venue/weight.js';
import type { Authorised, Intent } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import { verdictEvents, type Arrival } from './audit.js';
import { clientOrderIdOf } from './client-order-id.js';
import type { OrderDependencies } from './dependencies.js';

/** The gate's verdict as the workflows carry it. */
export type Authorisation =
  | { readonly kind: 'authorised'; readonly order: StoredOrder }
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] };

/**
 * The same for what only reduces. `venueClosed`: the venue has sent us away and takes nothing for so many ms, so nothing is written: an
 * entry is denied then, but a stop or an exit waits (P19).
 */
export type OwnerAuthorisation = Authorisation | { readonly kind: 'venueClosed'; readonly forMs: number };

export function venueClosed(venue: Venue): Extract<OwnerAuthorisation, { kind: 'venueClosed' }> | undefined {
  const forMs = closedMs(venue.weight());
  return forMs > 0 ? { kind: 'venueClosed', forMs } : undefined;
}

export interface VerdictRequest {
  readonly intent: Intent;
  readonly signal: TradeSignal | null;
  /** How long the order may still begin to be sent. Asked for each time that it is written: what ends then ends no later for a retry. */
  readonly authorisedForMs: () => number;
  /** What was seen of the market when it was decided; left out: nobody looked. */
  readonly arrival?: Arrival;
  /** The gate. Called anew for each view of the ledger. */
  readonly decide: (ledger: RiskView) => GateVerdict;
}

/** One at a time for each account, so that conflicts come only from other processes (P4). */
export class AccountQueues {
  private readonly tails = new Map<string, Promise<unknown>>();

  run<T>(account: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.tails.get(account) ?? Promise.resolve()).then(work);
    this.tails.set(
      account,
      mine.catch(() => undefined),
    );
    return mine;
  }
}

/**
 * P4: reads the risk state, decides, and writes verdict, reservation and order row in one statement. Run again, it
 * returns the stored verdict and reserves nothing.
 */
export async function writeVerdict(dependencies: OrderDependencies, request: VerdictRequest): Promise<Authorisation> {
  const { risk } = dependencies;
  const { account, strategy, instrument } = request.intent;
  let controlVersion = '0';
  for (let attempt = 0; attempt < PROTOCOL.compareAndSetAttempts; attempt += 1) {
    const ledger = await risk.read({ account, strategy, instrument }, { fresh: attempt > 0 });
    controlVersion = ledger.controlVersion;
    let verdict = request.decide(ledger);
    // A denial is written whatever the versions are, so it is never made on a view that may have passed.
    if (verdict.kind === 'denied' && attempt === 0) {
      const fresh = await risk.read({ account, strategy, instrument }, { fresh: true });
      controlVersion = fresh.controlVersion;
      verdict = request.decide(fresh);
    }
    const written = await write(dependencies, request, verdict, controlVersion);
    if (written.kind === 'conflict') continue;
    if (written.kind === 'written' && verdict.kind === 'approved') risk.authorised?.(written.order, verdict.order);
    return toAuthorisation(written);
  }
  const failures = [failure('RISK_CONTENTION', { account, attempts: PROTOCOL.compareAndSetAttempts })];
  const written = await write(dependencies, request, { kind: 'denied', failures }, controlVersion);
  return written.kind === 'conflict' ? { kind: 'denied', failures } : toAuthorisation(written);
}

function write(
  { store, instanceId, epoch }: OrderDependencies,
  { intent, signal, authorisedForMs, arrival }: VerdictRequest,
  verdict: GateVerdict,
  controlVersion: string,
): Promise<Authorised> {
  const clientOrderId = clientOrderIdOf(instanceId, intent.intentId);
  const input = { intent, signal, clientOrderId, epoch, controlVersion, verdict, authorisedForMs: authorisedForMs() };
  return store.authorise(input, verdictEvents(intent, signal, clientOrderId, verdict, arrival));
}

function toAuthorisation(written: Exclude<Authorised, { kind: 'conflict' }>): Authorisation {
  if (!('order' in written)) return { kind: 'denied', failures: written.failures };
  const { order } = written;
  return order.status === 'denied' ? { kind: 'denied', failures: order.failures } : { kind: 'authorised', order };
}
