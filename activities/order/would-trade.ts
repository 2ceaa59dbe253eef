import { termsOf } from '../../core/risk/draft.js';
import { decideOrder } from '../../core/risk/gate.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { entryTerms, entryView, type OrderDependencies } from './dependencies.js';

/**
 * Whether the gate would approve the signal at this moment. Nothing is reserved or written: what counts is the verdict
 * that authorise writes later.
 */
export function createWouldTrade({ risk, live, venueOf, entriesOf }: OrderDependencies): (signal: TradeSignal) => Promise<boolean> {
  return async (signal) => {
    const { account, strategy, instrument } = signal;
    const { sizing, execution } = entryTerms({ entriesOf }, signal);
    // The owner of a position takes its stops away before it sells, so they are not in the way of an exit.
    const terms = termsOf(sizing, { execution, withoutStops: true });
    const ledger = await risk.read({ account, strategy, instrument });
    return decideOrder(signal, terms, ledger, entryView({ live, venueOf }, account, instrument)).kind === 'approved';
  };
}
