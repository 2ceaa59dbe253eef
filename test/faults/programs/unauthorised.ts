import type { AuthoriseInput, OrderStore } from '../../../activities/ports/store.js';
import { KeelsonError } from '../../../core/errors.js';

/** The reason of signals whose order the ledger does not take, whatever is tried. */
export const UNAUTHORISED = 'test: not to be authorised';

export function refusing(store: OrderStore): OrderStore {
  const refuse = ({ signal }: AuthoriseInput): void => {
    if (signal?.reason === UNAUTHORISED) throw new KeelsonError('INFRA_DATABASE', { detail: UNAUTHORISED });
  };
  return {
    ...store,
    async authorise(input, events) {
      refuse(input);
      return store.authorise(input, events);
    },
    async authoriseAndBegin(input, events, terms) {
      refuse(input);
      return store.authoriseAndBegin(input, events, terms);
    },
  };
}
