import type { Failure } from '../../core/errors.js';
import { failure } from '../../core/errors.js';
import type { OrderStatus } from '../../core/order/lifecycle.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { closedMs, TRADING_SHARE_PERCENT, type Free } from '../../core/venue/weight.js';
import type { Begun, BeginTerms } from '../ports/store.js';
import type { SubmitVerdict, Venue } from '../ports/venue.js';
import type { OrderDependencies } from './dependencies.js';
import { applyEvent } from './evidence.js';

/** What is known when submit returns. `settled`: an earlier run of this step got further; the row says where. */
export type Submission =
  | SubmitVerdict
  | { readonly kind: 'refused'; readonly failures: readonly Failure[] }
  | { readonly kind: 'settled'; readonly status: OrderStatus };

/**
 * P5 to P10: compare-and-set authorised -> submitting, then the one send. A compare-and-set whose reply is lost throws
 * and nothing is sent; the step then runs again and finds the row where it is. A row found at `submitting` was begun by
 * somebody who may still send: its outcome is unknown. While the venue has sent us away nothing is begun: the order is proven unsent.
 * So is an entry for which nothing is left of trading's share by now, or of this process's part of it: orders of several accounts were decided on the same figure.
 */
export function createSubmit(
  dependencies: OrderDependencies,
): (intentId: string, account: string, leg?: TradeSignal['leg']) => Promise<Submission> {
  const { store, venueOf, epoch } = dependencies;
  return async (intentId, account, leg) => {
    const venue = venueOf(account);
    const admission = admit(venue, leg);
    if (admission.kind === 'refused') {
      const order = await applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' }, [admission.failure]);
      return storedSubmission(order, venue.profile.id);
    }
    return beginAndSend(dependencies, intentId, account).finally(() => admission.free(true));
  };
}

/** Whether the venue takes an order now; an entry holds its part of the weight until it is freed. */
export type Admission = { readonly kind: 'admitted'; readonly free: Free } | { readonly kind: 'refused'; readonly failure: Failure };

export function admit(venue: Venue, leg: TradeSignal['leg'] | undefined): Admission {
  const name = venue.profile.id;
  const forMs = closedMs(venue.weight());
  if (forMs > 0) return { kind: 'refused', failure: failure('RISK_VENUE_CLOSED', { venue: name, forMs }) };
  if (leg !== 'open') return { kind: 'admitted', free: () => undefined };
  const claim = venue.claimWeight();
  if (claim.kind === 'over') {
    const { used, limit } = claim;
    return { kind: 'refused', failure: failure('RISK_VENUE_WEIGHT', { venue: name, used, limit, share: TRADING_SHARE_PERCENT }) };
  }
  if (claim.kind === 'notOurs') {
    const { used, share } = claim;
    return { kind: 'refused', failure: failure('RISK_VENUE_SHARE', { venue: name, used, share }) };
  }
  return { kind: 'admitted', free: claim.free };
}

export async function beginAndSend(dependencies: OrderDependencies, intentId: string, account: string): Promise<Submission> {
  const { store, venueOf, epoch } = dependencies;
  const terms = beginTerms(dependencies, account);
  return sendBegun(venueOf(account), terms, await store.beginSubmit({ ...terms, intentId, epoch }));
}

/** What the request will carry (P6), as of now. */
export function beginTerms({ venueOf, live }: Pick<OrderDependencies, 'venueOf' | 'live'>, account: string): BeginTerms {
  const { profile } = venueOf(account);
  const roundTripMs = live.clockRoundTripMs(account);
  return {
    signedTimestamp: live.signingTime(account),
    receiveWindowMs: Math.min(profile.receiveWindowMs, PROTOCOL.receiveWindowMaxMs),
    ...(roundTripMs === undefined ? {} : { clockErrorMs: Math.ceil((roundTripMs + profile.clockStepMs) / 2) }),
  };
}

/** The one send of an order that was begun under these terms; no wait lies between (P7). */
export async function sendBegun(
  { sender, profile }: Venue,
  { signedTimestamp, receiveWindowMs }: BeginTerms,
  begun: Begun,
): Promise<Submission> {
  if (begun.kind === 'refused') return { kind: 'refused', failures: begun.order.failures };
  if (begun.kind === 'stored') return storedSubmission(begun.order, profile.id);
  const { clientOrderId, instrument, side, type, postOnly, quantity, price, stopPrice, timeInForce } = begun.order;
  const terms = { type, postOnly, timeInForce, quantity, price, ...(stopPrice === null ? {} : { stopPrice }) };
  return sender.submit({ clientOrderId, instrument, side, ...terms, signedTimestamp, receiveWindowMs }, profile.submitDeadlineMs);
}

function storedSubmission(order: StoredOrder, venue: string): Submission {
  if (order.status !== 'submitting') return { kind: 'settled', status: order.status };
  const detail = 'the process that began to send it did not live to tell';
  return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: order.intentId, venue, detail }) };
}
