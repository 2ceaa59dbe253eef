import { allowsEntries, effectiveMode } from '../../core/control/mode.js';
import { failure } from '../../core/errors.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { hasMovedAway } from '../../core/risk/replace.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { tendedLookUpMs } from '../../core/venue/poll-plan.js';
import { isShort } from '../../core/venue/weight.js';
import { isDue } from '../streams/look-ups.js';
import { applyEvent } from './evidence.js';
import type { OrderDependencies } from './dependencies.js';
import { isFresh, referencePrice } from './reference-price.js';
import { createResolve, type Progress } from './resolve.js';

/** `isReplaced`: the price has moved away from the resting order, so its cancel was wished for another at the new price. */
export interface Tended {
  readonly order: StoredOrder;
  readonly isReplaced: boolean;
}

/** How often it is looked at whether a resting order is to be replaced. */
const REPRICE_POLL_MS = 500;
/** Then the step returns, so that its workflow is never far behind. */
const ROUND_MS = 30_000;
/** By then nobody looks after an entry here any more, or it may as well be looked up. */
const FORGOTTEN_AFTER_MS = 600_000;

/**
 * Looks after an entry until it is over, or for half a minute: takes it one look-up further again and again, and wishes its
 * cancel when its strategy's policy would quote it elsewhere by now. The order that replaces it is another intent, made when
 * this one is over. Between two look-ups it goes by the ledger, in which the watch of the account books what it sees.
 * @param pause waits so many ms, and says to whoever watches this step that it lives.
 */
export function createTend(
  dependencies: OrderDependencies,
  pause: (ms: number) => Promise<void>,
): (intentId: string, signal: TradeSignal) => Promise<Tended> {
  const looks = new Looks(dependencies);
  return async (intentId, signal) => {
    // What has left the configuration is worked until its time is over, and made nowhere else.
    const execution = dependencies.entriesOf(signal.account, signal.strategy, signal.instrument)?.execution;
    const mayMove = execution?.kind === 'limit' && execution.replaceBps !== undefined;
    let askedMs = -Infinity;
    for (let waitedMs = 0; ;) {
      const { order, isSettled, waitMs } = (await looks.unlessDue(intentId)) ?? (await looks.take(intentId));
      if (isSettled || waitedMs >= ROUND_MS) return { order, isReplaced: isReplaced(order) };
      // One whose time is over is being canceled already, and is not made anew.
      if (mayMove && isWorking(order)) {
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

const isWorking = ({ status }: { readonly status: string }): boolean => status === 'accepted' || status === 'partiallyFilled';

/** Look-ups of resting entries, within what their venue allows; when each was made last, by its venue's clock: a step goes on where the last one was. */
class Looks {
  private readonly dependencies: OrderDependencies;
  private readonly resolve: ReturnType<typeof createResolve>;
  private readonly last = new Map<string, number>();

  constructor(dependencies: OrderDependencies) {
    this.dependencies = dependencies;
    this.resolve = createResolve(dependencies);
  }

  async take(intentId: string): Promise<Progress> {
    const seen = await this.resolve(intentId);
    this.saw(intentId, this.dependencies.live.venueNow(seen.order.account));
    return seen;
  }

  /** The order as the ledger has it, where it is not to be looked up yet: it is known to rest, may do so, and was looked up lately. */
  async unlessDue(intentId: string): Promise<Progress | undefined> {
    const { store, live } = this.dependencies;
    const order = await store.order(intentId);
    if (order === undefined || !isWorking(order) || order.timeInForce !== 'GTC') return undefined;
    const now = live.venueNow(order.account);
    const untilEnd = (order.workingUntil ?? Number.POSITIVE_INFINITY) - now;
    const last = this.last.get(intentId);
    if (untilEnd <= 0 || last === undefined || (await this.isDue(order, now, last))) return undefined;
    if ((await store.whyWithdrawn(intentId)) !== undefined) return undefined;
    return { order, isSettled: false, waitMs: Math.min(PROTOCOL.workingOrderPollMs, Math.ceil(untilEnd)) };
  }

  /** Where what the venue allows is short, what is known to rest waits, as in the watch. */
  private async isDue({ account, strategy, instrument }: StoredOrder, now: number, last: number): Promise<boolean> {
    const { venueOf, risk } = this.dependencies;
    const venue = venueOf(account);
    const { profile } = venue;
    if (!isDue(now, last, PROTOCOL.workingOrderPollMs) || isShort(venue.weight(), profile.readWeights.lookUp)) return false;
    const { workingOrders } = await risk.read({ account, strategy, instrument });
    const resting = workingOrders.filter((one) => one.purpose === 'entry' && isWorking(one));
    return isDue(now, last, tendedLookUpMs(profile, Math.max(1, resting.length)));
  }

  /** The newest goes to the end; what is long gone is forgotten. */
  private saw(intentId: string, now: number): void {
    this.last.delete(intentId);
    this.last.set(intentId, now);
    for (const [known, time] of this.last) {
      if (Math.abs(now - time) < FORGOTTEN_AFTER_MS) return;
      this.last.delete(known);
    }
  }
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
