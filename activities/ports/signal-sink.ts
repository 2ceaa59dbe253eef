import type { Failure } from '../../core/errors.js';
import type { TradeSignal } from '../../core/signal/signal.js';

/** Where a strategy's decisions go. */
export interface SignalSink {
  /**
   * Starts the signal's workflow, with the same id until the signal expires; then it is recorded as not traded (P1).
   * Never throws: what could not be done is on record.
   */
  trade(signal: TradeSignal): Promise<void>;
  /**
   * Whether the gate would approve the signal now: asked for what is only worth a workflow when something comes of it.
   * Never throws: what cannot be asked is no.
   */
  wouldTrade(signal: TradeSignal): Promise<boolean>;
  /** Records a signal that is not traded, with its reasons. */
  notTraded(signal: TradeSignal, failures: readonly Failure[]): Promise<void>;
}
