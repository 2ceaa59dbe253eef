import { midOf } from '../../core/ledger/mid.js';
import { ZERO_TEXT, type DecimalText } from '../../core/money/index.js';
import { decideOrder } from '../../core/risk/gate.js';
import { termsOf } from '../../core/risk/draft.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { entryTerms, entryView, type OrderDependencies } from './dependencies.js';
import { writeVerdict, type AccountQueues, type Authorisation } from './write-verdict.js';

/** Which of a signal's orders this is, and what the ones before it have bought, in base. */
export interface Attempt {
  readonly attempt: number;
  readonly executed: DecimalText;
}

/** P4 for an entry: the n-th order of an opening signal. */
export function createAuthorise(
  dependencies: OrderDependencies,
  queues: AccountQueues,
): (signal: TradeSignal, which?: Attempt) => Promise<Authorisation> {
  return (signal, { attempt, executed } = { attempt: 1, executed: ZERO_TEXT }) =>
    queues.run(signal.account, () => {
      const { live } = dependencies;
      const { account, strategy, strategyVersion, instrument, leg } = signal;
      const { sizing, execution } = entryTerms(dependencies, signal);
      const terms = termsOf(sizing, { execution, attempt, executed });
      // A run that began before positions had owners sells from here.
      const purpose = leg === 'open' ? 'entry' : 'exit';
      const { price, book } = live.view(account, instrument);
      return writeVerdict(dependencies, {
        intent: { intentId: intentIdOf(signal, attempt), account, strategy, strategyVersion, instrument, leg, purpose, sequence: attempt },
        signal,
        // No entry leaves after its signal has expired, however long it waits between this step and the next.
        authorisedForMs: () => Math.max(0, Math.min(PROTOCOL.authorisedForMs, signal.validUntil - live.venueNow(account))),
        arrival: { price: price?.price, mid: midOf(book) },
        decide: (ledger) => decideOrder(signal, terms, ledger, entryView(dependencies, account, instrument)),
      });
    });
}
