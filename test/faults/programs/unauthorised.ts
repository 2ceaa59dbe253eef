import type { OrderStore } from '../../../activities/ports/store.js';
import { KeelsonError } from '../../../core/errors.js';

/** The reason of signals whose order the ledger does not take, whatever is tried. */
export const UNAUTHORISED = 'test: not to be authorised';

export function refusing(store: OrderStore): OrderStore {
  return {
    ...store,
    async authorise(input, events) {
      if (input.signal?.reason === UNAUTHORISED) throw new KeelsonError('INFRA_DATABASE', { detail: UNAUTHORISED });
      return store.authorise(input, events);
    },
  };
}
