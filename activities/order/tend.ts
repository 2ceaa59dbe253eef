import { allowsEntries, effectiveMode } from '../../core/control/mode.js';
import { failure } from '../../core/errors.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { hasMovedAway } from '../../core/risk/replace.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { applyEvent } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';
import { isFresh, referencePrice } from './reference-price.js';
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
    // What has left the configuration is worked until its time is over, and made nowhere else.
    const execution = dependencies.entriesOf(signal.account, signal.strategy, signal.instrument)?.execution;
    const mayMove = execution?.kind === 'limit' && execution.replaceBps !== undefined;
    let askedMs = -Infinity;
    for (let waitedMs = 0; ;) {
      const { order, isSettled, waitMs } = await resolve(intentId);
      if (isSettled || waitedMs >= ROUND_MS) return { order, isReplaced: isReplaced(order) };
      // One whose time is over is being canceled already, and is not made anew.
      const isWorking = order.status === 'accepted' || order.status === 'partiallyFilled';
      if (mayMove && isWorking) {
        const mayAsk = waitedMs - askedMs >= PROTOCOL.workingOrderPollMs;
        const seen = await freshPrice(dependencies, order, mayAsk);
        if (seen.isAsked) askedMs = waitedMs;
        if (seen.price !== undefined && (await isElsewhere(dependencies, order, execution, seen.price))) {
          const why = failure('ORDER_PRICE_MOVED', { order: intentId, price: order.price, reference: seen.price });
          await applyEvent(dependencies, intentId, { kind: 'requestCancel' }, [why]);
          continue;
        }
      }
      const next = mayMove ? Math.min(waitMs, REPRICE_POLL_MS) : waitMs;
      await pause(next);
      waitedMs += next;
    }
  };
}

/** It is in the order's row, with the wish for its cancel: whoever takes the step up after a worker has died knows it as well. */
function isReplaced(order: StoredOrder): boolean {
  return order.failures.some(({ code }) => code === 'ORDER_PRICE_MOVED');
}

/**
 * Only a fresh price is acted on: a stale one would chase what is not there. The stream may be another worker's: then the venue is asked, where
 * `mayAsk`. While it is broken off nothing is entered, so what rests stays.
 */
async function freshPrice(
  { live, venueOf }: OrderDependencies,
  { account, instrument }: StoredOrder,
  mayAsk: boolean,
): Promise<{ readonly price: DecimalText | undefined; readonly isAsked: boolean }> {
  const view = live.view(account, instrument);
  if (view.streamGap !== undefined) return { price: undefined, isAsked: false };
  if (isFresh(view)) return { price: view.price?.price, isAsked: false };
  return mayAsk ? { price: await referencePrice(venueOf(account), instrument), isAsked: true } : { price: undefined, isAsked: false };
}

async function isElsewhere(
  { risk }: OrderDependencies,
  order: StoredOrder,
  execution: ExecutionPolicy,
  reference: DecimalText,
): Promise<boolean> {
  const { account, strategy, instrument } = order;
  const ledger = await risk.read({ account, strategy, instrument });
  // What replaces it would be denied: as in a shutdown that waits for what works.
  const { mode, latches, venue } = ledger;
  if (!allowsEntries(effectiveMode(mode, latches, { account, venue, strategy, instrument }))) return false;
  return hasMovedAway(order, execution, decimal(reference), ledger);
}
