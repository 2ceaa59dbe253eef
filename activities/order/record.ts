import { invariant, type Failure } from '../../core/errors.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { acknowledge, applyEvent } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';
import type { Submission } from './submit.js';

/**
 * Writes down what the send told: acceptance with its fills, a proven rejection, or that it is not known (P10). What an
 * earlier run already recorded is left as it stands.
 */
export function createRecord(dependencies: OrderDependencies): (intentId: string, submission: Submission) => Promise<StoredOrder> {
  const books = { store: dependencies.store, epoch: dependencies.epoch };
  return async (intentId, submission) => {
    switch (submission.kind) {
      case 'accepted':
        return acknowledge(books, intentId, submission.order, submission.fills);
      case 'rejected':
        return applyEvent(books, intentId, { kind: 'reject' }, [withReason(submission)]);
      case 'alreadyExists':
      case 'unknown':
        return applyEvent(books, intentId, { kind: 'loseReply' }, [submission.failure]);
      case 'refused':
      case 'settled': {
        const order = await dependencies.store.order(intentId);
        invariant(order !== undefined, `order ${intentId} was authorised and must have a row`);
        return order;
      }
    }
  };
}

/** Why the venue refused, where it told it in a way that somebody acts on: kept with the order. */
function withReason({ failure, reason }: Extract<Submission, { kind: 'rejected' }>): Failure {
  return reason === undefined ? failure : { ...failure, values: { ...failure.values, reason } };
}
