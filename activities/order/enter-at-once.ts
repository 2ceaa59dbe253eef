import { ZERO_TEXT } from '../../core/money/index.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { mapped } from '../failures.js';
import type { Begun, BeginTerms, OrderStore } from '../ports/store.js';
import { createAuthorise } from './authorise.js';
import type { OrderDependencies } from './dependencies.js';
import { createEnter, type Entered } from './enter.js';
import { createRecord } from './record.js';
import { createSend } from './send.js';
import { admit, beginAndSend, beginTerms, createSubmit, sendBegun } from './submit.js';
import type { AccountQueues } from './write-verdict.js';

const FIRST = { attempt: 1, executed: ZERO_TEXT };

/**
 * The step of a signal's first order, with P4 and P5 sent one behind the other: what this process has to do between two statements is
 * done while the database works on the first. What P5 answers counts only with an authorisation; where the gate has to decide anew, or the
 * venue takes nothing now, the two follow one another as ever.
 */
export function createEnterAtOnce(dependencies: OrderDependencies, queues: AccountQueues): (signal: TradeSignal) => Promise<Entered> {
  const record = createRecord(dependencies);
  const oneByOne = createEnter(createAuthorise(dependencies, queues), createSend(createSubmit(dependencies), record));
  return mapped(async (signal) => {
    const { account, leg } = signal;
    const venue = dependencies.venueOf(account);
    const admission = admit(venue, leg);
    if (admission.kind === 'refused') return oneByOne(signal, FIRST);
    const together = new Together(dependencies, account);
    const authorise = createAuthorise({ ...dependencies, store: together.store }, queues);
    const send = createSend(async (intentId) => {
      const { began } = together;
      return began === undefined ? beginAndSend(dependencies, intentId, account) : sendBegun(venue, began.terms, began.begun);
    }, record);
    let mayBeSent = true;
    try {
      const entered = await createEnter(authorise, send)(signal, FIRST);
      mayBeSent = entered.kind !== 'denied';
      return entered;
    } finally {
      admission.free(mayBeSent);
    }
  });
}

/** A ledger whose first approval is written with the begin of its send behind it. */
class Together {
  began: { readonly terms: BeginTerms; readonly begun: Begun } | undefined;
  readonly store: OrderStore;
  #isAsked = false;

  constructor(dependencies: Pick<OrderDependencies, 'store' | 'venueOf' | 'live'>, account: string) {
    const { store } = dependencies;
    this.store = {
      ...store,
      authorise: async (input, events) => {
        if (this.#isAsked || input.verdict.kind !== 'approved') return store.authorise(input, events);
        this.#isAsked = true;
        const terms = beginTerms(dependencies, account);
        const { authorised, begun } = await store.authoriseAndBegin(input, events, terms);
        if (begun !== undefined) this.began = { terms, begun };
        return authorised;
      },
    };
  }
}
