import type { OrderRequest, OrderSender, SubmitVerdict } from '../../activities/ports/venue.js';
import { failure, KeelsonError, type Failure } from '../../core/errors.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { Names, WireProfile } from './profiles/wire-profile.js';
import { evidenceOf, retryAfterMs, sentAway, type Door } from './read-call.js';
import { plainDetail, verdictOf } from './verdict.js';

/**
 * Sends orders over a client whose limiter is off (protocol P7, P8). The request carries the given time stamp and
 * receive window (P6), and quantity and price as the very text that was given: the library would round
 * them through floats, by a list of instruments that may have changed.
 */
export function orderSender(parts: {
  readonly client: CcxtRest;
  readonly transport: KeepAliveTransport;
  readonly profile: WireProfile;
  readonly account: string;
  readonly names: Names;
  readonly door: Door;
}): OrderSender {
  const { client, transport, profile, account, names, door } = parts;
  const { calls } = profile;

  const values = (request: OrderRequest) => ({ venue: profile.id, account, order: request.clientOrderId, call: 'order' });
  const uncertain = (request: OrderRequest, detail: string): SubmitVerdict => ({
    kind: 'unknown',
    failure: failure('VENUE_OUTCOME_UNKNOWN', { ...values(request), detail }),
  });

  const symbolIdOf = ({ instrument }: OrderRequest): string | Failure => {
    try {
      return names.symbolId(instrument);
    } catch (error) {
      if (error instanceof KeelsonError) return error.failure;
      throw error;
    }
  };

  const accepted = (request: OrderRequest, reply: unknown): SubmitVerdict => {
    try {
      return { kind: 'accepted', ...calls.placed(reply, request, names) };
    } catch (error) {
      // The venue said yes in a form that cannot be read: it may hold the order, so this proves nothing.
      return uncertain(request, plainDetail(error));
    }
  };

  return {
    async submit(request, deadlineMs) {
      if (!profile.clientOrderIdPattern.test(request.clientOrderId)) {
        const detail = `the client order id ${request.clientOrderId} is not allowed there`;
        return { kind: 'rejected', failure: failure('VENUE_REJECTED', { ...values(request), detail }) };
      }
      if (!profile.orderTypes.includes(request.type) || (request.postOnly && !profile.postOnly)) {
        const detail = `${request.postOnly ? 'post-only ' : ''}${request.type} orders are not known there`;
        return { kind: 'rejected', failure: failure('VENUE_REJECTED', { ...values(request), detail }) };
      }
      const symbolId = symbolIdOf(request);
      if (typeof symbolId !== 'string') return { kind: 'rejected', failure: symbolId };
      // Whoever asks in vain is sent away for longer. What does not leave now never does, so this is as good as the venue's own refusal.
      const closedMs = door.blockedMs();
      if (closedMs > 0) {
        return { kind: 'rejected', failure: failure('VENUE_RATE_LIMITED', { ...values(request), retryAfterMs: closedMs }) };
      }
      const outcome = await transport.run(() => calls.send(client, request, symbolId), deadlineMs);
      if (outcome.ok) return accepted(request, outcome.value);
      const evidence = evidenceOf(outcome.error, outcome.seen, profile);
      const away = sentAway(evidence, outcome.seen, profile);
      const waitMs = away?.forMs ?? retryAfterMs(outcome.seen);
      if (away !== undefined) door.block(away);
      const verdict = verdictOf(evidence, profile.verdictRows, { ...values(request), retryAfterMs: waitMs });
      if (verdict.kind !== 'rejected' || verdict.reason === undefined) return { kind: verdict.kind, failure: verdict.failure };
      return { kind: 'rejected', failure: verdict.failure, reason: verdict.reason };
    },
  };
}
