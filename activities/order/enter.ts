import type { Failure } from '../../core/errors.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { createAuthorise } from './authorise.js';
import type { Attempt } from './entry-gate.js';
import type { createSend, Sent } from './send.js';
import type { Submission } from './submit.js';

/** What became of an entry up to its send, and where the ledger knows it already, beyond. */
export type Entered =
  | { readonly kind: 'denied'; readonly failures: readonly Failure[] }
  | { readonly kind: 'begun'; readonly submission: Submission }
  | Extract<Sent, { readonly kind: 'recorded' }>;

/**
 * Authorise and send of an entry as one step: between the two a workflow has nothing to decide, and each step costs it an
 * activation. It may end between or inside them and run again like the two of them: a verdict that is written is returned, and
 * a send that was begun is not begun again.
 */
export function createEnter(
  authorise: ReturnType<typeof createAuthorise>,
  send: ReturnType<typeof createSend>,
): (signal: TradeSignal, which?: Attempt) => Promise<Entered> {
  return async (signal, which) => {
    const authorisation = await authorise(signal, which);
    if (authorisation.kind === 'denied') return authorisation;
    const { intentId, account } = authorisation.order;
    const sent = await send(intentId, account, signal.leg);
    return sent.kind === 'recorded' ? sent : { kind: 'begun', submission: sent };
  };
}
