import { VenueError } from '../matching/venue-error.js';
import { cancelOrder, journaled, placeOrder } from './order-routes.js';
import { Params } from './params.js';
import type { Call, Routes } from './route.js';

/** Cancel one order and place another in one call: two steps, the second after the first. */
export const CANCEL_REPLACE_ROUTES: Routes = {
  'POST /api/v3/order/cancelReplace': { security: 'trade', weight: 1, countsAsOrder: true, handle: cancelReplace },
};

type Outcome = { readonly done: unknown } | { readonly refusal: VenueError } | undefined;

function cancelReplace(call: Call): unknown {
  const { params } = call;
  const modes = ['STOP_ON_FAILURE', 'ALLOW_FAILURE'] as const;
  params.required('cancelReplaceMode');
  const mode = params.oneOf('cancelReplaceMode', modes, -1100, "Illegal value of 'cancelReplaceMode'.");
  const canceled = attempt(call, cancelOrder, {
    orderId: params.optional('cancelOrderId'),
    origClientOrderId: params.optional('cancelOrigClientOrderId'),
    newClientOrderId: params.optional('cancelNewClientOrderId'),
  });
  const mayPlace = !isRefused(canceled) || mode === 'ALLOW_FAILURE';
  const placed = mayPlace ? attempt(call, placeOrder, {}) : undefined;
  const data = {
    cancelResult: word(canceled),
    newOrderResult: word(placed),
    cancelResponse: response(canceled),
    newOrderResponse: response(placed),
  };
  if (!isRefused(canceled) && !isRefused(placed)) return data;
  const isPartial = !isRefused(canceled) || (placed !== undefined && !isRefused(placed));
  throw isPartial
    ? new VenueError(-2021, 'Order cancel-replace partially failed.', 409, {}, data)
    : new VenueError(-2022, 'Order cancel-replace failed.', 400, {}, data);
}

function attempt(call: Call, handle: (call: Call) => unknown, changes: Readonly<Record<string, string | undefined>>): Outcome {
  try {
    return { done: journaled({ ...call, params: changed(call.params, changes) }, handle) };
  } catch (error) {
    if (error instanceof VenueError) return { refusal: error };
    throw error;
  }
}

function changed(params: Params, changes: Readonly<Record<string, string | undefined>>): Params {
  const values = new Map(params.entries());
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) values.delete(name);
    else values.set(name, value);
  }
  return new Params(values);
}

function isRefused(outcome: Outcome): outcome is { readonly refusal: VenueError } {
  return outcome !== undefined && 'refusal' in outcome;
}

function word(outcome: Outcome): string {
  return outcome === undefined ? 'NOT_ATTEMPTED' : isRefused(outcome) ? 'FAILURE' : 'SUCCESS';
}

function response(outcome: Outcome): unknown {
  if (outcome === undefined) return null;
  return isRefused(outcome) ? { code: outcome.refusal.code, msg: outcome.refusal.message } : outcome.done;
}
