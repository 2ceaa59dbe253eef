import { decimal } from '../../core/money/index.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { hasMovedAway } from '../../core/risk/replace.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { applyEvent } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';
import { createResolve } from './resolve.js';

/** `isReplaced`: the price has moved away from the resting order, so its cancel was wished for another at the new price. */
export interface Tended {
  readonly order: StoredOrder;
  readonly isReplaced: boolean;
}

/** How often a resting order that may be replaced is looked at. */
const REPRICE_POLL_MS = 500;
/** Then the step returns, so that its workflow is never far behind. */
const ROUND_MS = 30_000;

/**
 * Looks after an entry until it is over, or for half a minute: takes it one look-up further again and again, and wishes its
 * cancel when its strategy's policy would quote it elsewhere by now. The order that replaces it is another intent, made when
 * this one is over.
 * @param pause waits so many ms, and says to whoever watches this step that it lives.
 */
export function createTend(
  dependencies: OrderDependencies,
  pause: (ms: number) => Promise<void>,
): (intentId: string, signal: TradeSignal) => Promise<Tended> {
  const resolve = createResolve(dependencies);
  return async (intentId, signal) => {
    const execution = dependencies.entriesOf(signal.account, signal.strategy, signal.instrument)?.execution;
    const mayMove = execution?.kind === 'limit' && execution.replaceBps !== undefined;
    let isReplaced = false;
    for (let waitedMs = 0; ;) {
      const { order, isSettled, waitMs } = await resolve(intentId);
      if (isSettled || waitedMs >= ROUND_MS) return { order, isReplaced };
      // One whose time is over is being canceled already, and is not made anew.
      const isWorking = order.status === 'accepted' || order.status === 'partiallyFilled';
      if (mayMove && !isReplaced && isWorking && (await isElsewhere(dependencies, order, execution))) {
        isReplaced = (await applyEvent(dependencies, intentId, { kind: 'requestCancel' })).status === 'pendingCancel';
        continue;
      }
      const next = mayMove ? Math.min(waitMs, REPRICE_POLL_MS) : waitMs;
      await pause(next);
      waitedMs += next;
    }
  };
}

/** Only a fresh price is acted on: a stale one would chase what is not there. */
async function isElsewhere({ live, risk }: OrderDependencies, order: StoredOrder, execution: ExecutionPolicy): Promise<boolean> {
  const { account, strategy, instrument } = order;
  const { price } = live.view(account, instrument);
  if (price === undefined || Math.abs(price.ageMs) > PROTOCOL.workingOrderPollMs) return false;
  return hasMovedAway(order, execution, decimal(price.price), await risk.read({ account, strategy, instrument }));
}
