import type { OrderRequest, OrderSender, SubmitVerdict } from '../../activities/ports/venue.js';
import { failure } from '../../core/errors.js';
import type { CcxtRest } from './ccxt-client.js';
import type { KeepAliveTransport } from './keep-alive-transport.js';
import type { InstrumentOf, WireProfile } from './profiles/wire-profile.js';
import { evidenceOf, retryAfterMs } from './read-call.js';
import { plainDetail, verdictOf } from './verdict.js';
import { rowOf, WireError } from './wire-row.js';

/** The library's answer to createOrder, as far as we look at it: the venue's own row. */
interface Created {
  readonly info?: unknown;
}

/**
 * Sends orders over a client whose limiter is off (protocol P7, P8). The request carries the given time stamp and
 * receive window (P6), and quantity and price as the very text that was given: parameters of a call win over what the
 * library computes, and it would round prices through floats.
 */
export function orderSender(parts: {
  readonly client: CcxtRest;
  readonly transport: KeepAliveTransport;
  readonly profile: WireProfile;
  readonly account: string;
  readonly instrumentOf: InstrumentOf;
}): OrderSender {
  const { client, transport, profile, account } = parts;

  const values = (request: OrderRequest) => ({ venue: profile.id, account, order: request.clientOrderId, call: 'order' });
  const uncertain = (request: OrderRequest, detail: string): SubmitVerdict => ({
    kind: 'unknown',
    failure: failure('VENUE_OUTCOME_UNKNOWN', { ...values(request), detail }),
  });

  const accepted = (request: OrderRequest, reply: Created): SubmitVerdict => {
    try {
      const row = rowOf(reply.info, 'the reply');
      const order = profile.order(row, parts.instrumentOf);
      if (order.clientOrderId !== request.clientOrderId) throw new WireError('the reply is about another order');
      return { kind: 'accepted', order, fills: profile.fillsOfReply(row, parts.instrumentOf) };
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
      const outcome = await transport.run<Created>(() => create(client, request, profile), deadlineMs);
      if (outcome.ok) return accepted(request, outcome.value);
      const evidence = evidenceOf(outcome.error, outcome.seen, profile);
      const verdict = verdictOf(evidence, profile.verdictRows, {
        ...values(request),
        retryAfterMs: retryAfterMs(outcome.seen),
      });
      if (verdict.kind !== 'rejected' || verdict.reason === undefined) return { kind: verdict.kind, failure: verdict.failure };
      return { kind: 'rejected', failure: verdict.failure, reason: verdict.reason };
    },
  };
}

function create(client: CcxtRest, request: OrderRequest, profile: WireProfile): Promise<Created> {
  // Declared as numbers by the library, but read as text: a float would lose digits even where it is overridden below.
  const quantity = request.quantity as unknown as number;
  const price = request.price as unknown as number;
  const { type, params } = profile.create(request);
  return client.createOrder(request.instrument, type, request.side, quantity, price, params);
}
