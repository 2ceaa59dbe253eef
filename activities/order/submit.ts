import type { Failure } from '../../core/errors.js';
import { failure } from '../../core/errors.js';
import type { OrderStatus } from '../../core/order/lifecycle.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { closedMs, TRADING_SHARE_PERCENT } from '../../core/venue/weight.js';
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
  const { store, venueOf, live, epoch } = dependencies;
  const unsent = async (intentId: string, failed: Failure, venue: string): Promise<Submission> =>
    storedSubmission(await applyEvent({ store, epoch }, intentId, { kind: 'expireUnsent' }, [failed]), venue);
  const begin = async (venue: Venue, intentId: string, account: string): Promise<Submission> => {
    const { sender, profile } = venue;
    const signedTimestamp = live.signingTime(account);
    const receiveWindowMs = Math.min(profile.receiveWindowMs, PROTOCOL.receiveWindowMaxMs);
    const roundTripMs = live.clockRoundTripMs(account);
    const error = roundTripMs === undefined ? {} : { clockErrorMs: Math.ceil((roundTripMs + profile.clockStepMs) / 2) };
    const begun = await store.beginSubmit({ intentId, epoch, signedTimestamp, ...error, receiveWindowMs });
    if (begun.kind === 'refused') return { kind: 'refused', failures: begun.order.failures };
    if (begun.kind === 'stored') return storedSubmission(begun.order, profile.id);
    const { clientOrderId, instrument, side, type, postOnly, quantity, price, stopPrice, timeInForce } = begun.order;
    const terms = { type, postOnly, timeInForce, quantity, price, ...(stopPrice === null ? {} : { stopPrice }) };
    return sender.submit({ clientOrderId, instrument, side, ...terms, signedTimestamp, receiveWindowMs }, profile.submitDeadlineMs);
  };
  return async (intentId, account, leg) => {
    const venue = venueOf(account);
    const name = venue.profile.id;
    const forMs = closedMs(venue.weight());
    if (forMs > 0) return unsent(intentId, failure('RISK_VENUE_CLOSED', { venue: name, forMs }), name);
    if (leg !== 'open') return begin(venue, intentId, account);
    const claim = venue.claimWeight();
    if (claim.kind === 'over') {
      const { used, limit } = claim;
      return unsent(intentId, failure('RISK_VENUE_WEIGHT', { venue: name, used, limit, share: TRADING_SHARE_PERCENT }), name);
    }
    if (claim.kind === 'notOurs') {
      const { used, share } = claim;
      return unsent(intentId, failure('RISK_VENUE_SHARE', { venue: name, used, share }), name);
    }
    return begin(venue, intentId, account).finally(claim.free);
  };
}

function storedSubmission(order: StoredOrder, venue: string): Submission {
  if (order.status !== 'submitting') return { kind: 'settled', status: order.status };
  const detail = 'the process that began to send it did not live to tell';
  return { kind: 'unknown', failure: failure('VENUE_OUTCOME_UNKNOWN', { order: order.intentId, venue, detail }) };
}
