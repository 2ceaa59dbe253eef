import { decideOrder } from '../../core/risk/gate.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import type { OrderDependencies } from './dependencies.js';

/**
 * Whether the gate would approve the signal at this moment. Nothing is reserved or written: what counts is the verdict
 * that authorise writes later.
 */
export function createWouldTrade({ store, live, sizingOf }: OrderDependencies): (signal: TradeSignal) => Promise<boolean> {
  return async (signal) => {
    const { account, strategy, instrument } = signal;
    const ledger = await store.readRisk({ account, strategy, instrument });
    return decideOrder(signal, sizingOf(account, strategy), ledger, live.view(account, instrument)).kind === 'approved';
  };
}
