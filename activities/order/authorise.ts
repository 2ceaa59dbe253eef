import { midOf } from '../../core/ledger/mid.js';
import { ZERO_TEXT, type DecimalText } from '../../core/money/index.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { LiveView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { entryView, type OrderDependencies } from './dependencies.js';
import { entryGate, type Attempt } from './entry-gate.js';
import { isFresh, referencePrice } from './reference-price.js';
import { writeVerdict, type AccountQueues, type Authorisation } from './write-verdict.js';

/** P4 for an entry: the n-th order of an opening signal. */
export function createAuthorise(
  dependencies: OrderDependencies,
  queues: AccountQueues,
): (signal: TradeSignal, which?: Attempt) => Promise<Authorisation> {
  return async (signal, { attempt, executed } = { attempt: 1, executed: ZERO_TEXT }) => {
    const { live, decidedAhead } = dependencies;
    const { account, strategy, strategyVersion, instrument, leg } = signal;
    // A further order of a signal may be made where nobody streams the instrument. The first leaves from where the signal came from, and waits for nothing.
    const asked = attempt === 1 ? undefined : await askedPrice(dependencies, account, instrument);
    const view = (): LiveView => withAsked(entryView(dependencies, account, instrument), asked);
    const gate = entryGate(dependencies, signal, { attempt, executed }, view);
    const intentId = intentIdOf(signal, attempt);
    return queues.run(account, () => {
      // A run that began before positions had owners sells from here.
      const purpose = leg === 'open' ? 'entry' : 'exit';
      const { price, book } = view();
      return writeVerdict(dependencies, {
        intent: { intentId, account, strategy, strategyVersion, instrument, leg, purpose, sequence: attempt },
        signal,
        // No entry leaves after its signal has expired, however long it waits between this step and the next.
        authorisedForMs: () => Math.max(0, Math.min(PROTOCOL.authorisedForMs, signal.validUntil - live.venueNow(account))),
        arrival: { price: price?.price, mid: midOf(book) },
        decide: (ledger) => decidedAhead?.take(intentId, ledger) ?? gate(ledger),
      });
    });
  };
}

/** The venue's last price, where this process has no fresh one of its own; when it was asked for, in the venue's time. */
async function askedPrice(
  { live, venueOf }: OrderDependencies,
  account: string,
  instrument: string,
): Promise<{ readonly price: DecimalText; readonly askedTime: number } | undefined> {
  if (isFresh(live.view(account, instrument))) return undefined;
  const askedTime = live.venueNow(account);
  const price = await referencePrice(venueOf(account), instrument);
  return price === undefined ? undefined : { price, askedTime };
}

/** With the younger of the two prices. A stream that has broken off stays so: entries wait until it flows. */
function withAsked(view: LiveView, asked: Awaited<ReturnType<typeof askedPrice>>): LiveView {
  if (asked === undefined) return view;
  const ageMs = view.now - asked.askedTime;
  const isOlder = view.price !== undefined && Math.abs(view.price.ageMs) <= Math.abs(ageMs);
  return isOlder ? view : { ...view, price: { price: asked.price, ageMs } };
}
