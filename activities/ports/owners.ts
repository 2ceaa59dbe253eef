import type { PositionKey } from '../../core/protection/position-key.js';
import type { TradeSignal } from '../../core/signal/signal.js';

/** How an exit ended, as its owner tells it. */
export interface ExitOutcome {
  readonly intentId: string;
  readonly status: string;
  readonly executedQuantity?: string;
  readonly averagePrice?: string;
  readonly codes: readonly string[];
}

/** The owners of positions, wherever they run. */
export interface Owners {
  /**
   * Asks the owner of the signal's position for an exit, and starts one where there is none yet. The same signal asked again
   * is the same exit; the answer comes when it is over. @throws KeelsonError INFRA_TEMPORAL, and asked again it finds another owner where one was stuck
   */
  exit(signal: TradeSignal): Promise<ExitOutcome>;
  /** Wakes the owner of a position, or starts it. @throws KeelsonError INFRA_TEMPORAL */
  wake(key: PositionKey): Promise<void>;
  /**
   * Wakes the owner of a position, or starts it; one that is stuck is ended first, and another begun. @returns whether it was
   * @throws KeelsonError INFRA_TEMPORAL
   */
  revive(key: PositionKey): Promise<boolean>;
  /** Wakes the owner of a position if it has one; nothing happens where none runs. @throws KeelsonError INFRA_TEMPORAL */
  tell(key: PositionKey): Promise<void>;
}
