import { midOf } from '../../core/ledger/mid.js';
import { failure } from '../../core/errors.js';
import { decimal, ZERO_TEXT, type Decimal } from '../../core/money/index.js';
import { EXIT_FORM } from '../../core/protection/plan.js';
import { decideOrder } from '../../core/risk/gate.js';
import { termsOf, type OrderTerms } from '../../core/risk/draft.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import { isLargest } from '../../core/risk/filters.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { LiveView, RiskView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import type { OrderDependencies } from './dependencies.js';
import { viewToExit } from './reference-price.js';
import { venueClosed, writeVerdict, type AccountQueues, type OwnerAuthorisation } from './write-verdict.js';

/**
 * `isLargest`: the venue takes no more in one order, so more may be left. `stopsFirst`: the gate would approve the exit, but these orders hold the units: they are
 * taken away before (P20).
 */
export type ExitAuthorisation = ExitVerdict & {
  /** The form that the workflow had asked for (`EXIT_FORM`). Absent in what builds up to 0.4 recorded, which went by patches. */
  readonly form?: number;
};

type ExitVerdict =
  | (OwnerAuthorisation & { readonly isLargest?: boolean })
  | { readonly kind: 'stopsFirst'; readonly intentIds: readonly string[] };

/** What an exit is not sized by. */
const UNSIZED = { kind: 'fixedNotional', notional: ZERO_TEXT } as const;

/**
 * P4 for an exit, as the owner of the position asks it. One that is under way (its stop was taken away for it, or a part of it was sold) does not end by the age of its
 * signal alone: what is held would be bare for nothing, at each bar again where stops are slow to go. As long as a stop of the position is not final its units are not
 * free, so nothing is written but a denial that the stops have no part in; nor while the venue has sent us away, and then the stops
 * stay where they are.
 */
export function createAuthoriseExit(
  dependencies: OrderDependencies,
  queues: AccountQueues,
): (signal: TradeSignal, attempt: number, form?: number, isUnderWay?: boolean) => Promise<ExitAuthorisation> {
  const verdict = async (signal: TradeSignal, attempt: number, isUnderWay: boolean): Promise<ExitVerdict> => {
    const { account, strategy, strategyVersion, instrument, leg } = signal;
    const live = await exitView(dependencies, signal);
    return queues.run(account, async () => {
      const intentId = intentIdOf(signal, attempt);
      // Asked for before what is held: a fill in between makes it too little, never too much.
      const bought = decimal(attempt === 1 ? ZERO_TEXT : await dependencies.store.boughtSince(intentIdOf(signal, attempt - 1)));
      const decide = (terms: OrderTerms, view: RiskView): GateVerdict =>
        isAnother(signal, view, bought)
          ? { kind: 'denied', failures: [failure('RISK_NO_POSITION', { strategy, instrument })] }
          : decideOrder(signal, terms, view, live);
      const stored = await dependencies.store.order(intentId);
      const ledger = await dependencies.risk.read({ account, strategy, instrument }, { fresh: true });
      const stops = stopsOf(ledger, signal);
      const terms = termsOf(UNSIZED, { attempt, withoutStops: true, isUnderWay });
      const closed = venueClosed(dependencies.venueOf(account));
      const mustWait = closed !== undefined || stops.length > 0;
      if (stored === undefined && mustWait && decide(terms, ledger).kind === 'approved') {
        return closed ?? { kind: 'stopsFirst' as const, intentIds: stops };
      }
      const asked = await writeVerdict(dependencies, {
        intent: { intentId, account, strategy, strategyVersion, instrument, leg, purpose: 'exit', sequence: attempt },
        signal,
        authorisedForMs: () => PROTOCOL.authorisedForMs,
        arrival: { price: live.price?.price, mid: midOf(live.book) },
        // What stands in the way may have come since: then the exit counts it, and is denied or smaller.
        decide: (view) => {
          const seen = decide(terms, view);
          return seen.kind === 'denied' ? seen : decide({ ...terms, withoutStops: false }, view);
        },
      });
      const { instrument: rules } = ledger;
      return asked.kind === 'authorised' && rules !== undefined ? { ...asked, isLargest: isLargest(asked.order, rules) } : asked;
    });
  };
  return async (signal, attempt, form, isUnderWay = false) => {
    const asked = await verdict(signal, attempt, isUnderWay);
    return form === undefined ? asked : { ...asked, form: Math.min(form, EXIT_FORM) };
  };
}

/**
 * Whether what is held was bought after the last order of this exit: that one has sold what the exit was for. Its owner may be another by now, who is
 * asked once more since the answer was lost.
 */
function isAnother({ strategy, instrument }: TradeSignal, { positions }: RiskView, bought: Decimal): boolean {
  const held = positions.find((one) => one.strategy === strategy && one.instrument === instrument)?.quantity ?? ZERO_TEXT;
  return bought.gt(0) && decimal(held).lte(bought);
}

function stopsOf(ledger: RiskView, { strategy, instrument }: TradeSignal): readonly string[] {
  return ledger.workingOrders
    .filter((one) => one.strategy === strategy && one.instrument === instrument && (one.purpose === 'stop' || one.purpose === 'escape'))
    .map((one) => one.intentId);
}

/** Without a word of the venue the signal's own price serves, and so it does where the stream has shown nothing since. */
async function exitView({ live, venueOf }: OrderDependencies, { account, instrument, barCloseTime }: TradeSignal): Promise<LiveView> {
  const { price, ...view } = await viewToExit(live, venueOf(account), account, instrument);
  return price === undefined || view.now - price.ageMs < barCloseTime ? view : { ...view, price };
}
