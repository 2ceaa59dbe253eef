import type { RestingOrder, StreamEvent, VenueOrder, VenueReader, Watch } from '../../activities/ports/venue.js';
import { KeelsonError } from '../../core/errors.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { pause } from './pause.js';
import { plainDetail } from './verdict.js';

export interface Pace {
  readonly pollMs: number;
  /** So often the caller is asked to catch up: an order that comes and goes between two polls shows in no list of open ones. */
  readonly catchUpMs: number;
}

export interface PollAccountOptions {
  readonly reader: Pick<VenueReader, 'openOrders' | 'lookUp' | 'fillsOfOrder'>;
  /** Asked before each poll. */
  readonly pace: () => Pace;
  readonly resting: Watch['resting'];
  readonly onEvent: (event: StreamEvent) => void;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

const FINAL: ReadonlySet<VenueOrder['status']> = new Set(['filled', 'canceled', 'expired', 'rejected']);

/**
 * The account of a venue whose stream is not used: open orders are listed each `pollMs`, what changed is told with its
 * fills, and what is not listed, and should be, is looked up: it was before, or rests as far as the ledger knows. A poll
 * that fails after a good one is told as a gap, and so is the next good one, and one poll each `catchUpMs`, whether or not it failed.
 */
export async function pollAccount(options: PollAccountOptions): Promise<void> {
  const { onEvent, clock, signal, pace } = options;
  const account = new PolledAccount(options);
  let state: 'new' | 'live' | 'lost' = 'new';
  let catchUpTime = clock();
  while (!signal.aborted) {
    const { pollMs, catchUpMs } = pace();
    let againMs = pollMs;
    const before = state;
    const askToCatchUp = (reason: string, unlessSince: typeof state): void => {
      if (before === unlessSince && clock() - catchUpTime < catchUpMs) return;
      catchUpTime = clock();
      onEvent({ kind: 'gap', reason });
    };
    try {
      await account.poll();
      askToCatchUp('polled: what came and went between two polls is not told', 'live');
      state = 'live';
    } catch (error) {
      askToCatchUp(plainDetail(error), 'lost');
      // One call that fails is made up for at once, an outage is not, nor is a venue that wants to be asked less.
      if (before === 'live' && !isLimited(error)) againMs = Math.min(pollMs, PROTOCOL.workingOrderPollMs);
      state = 'lost';
    }
    await pause(againMs, signal);
  }
}

const isLimited = (error: unknown): boolean => error instanceof KeelsonError && error.failure.code === 'VENUE_RATE_LIMITED';

interface Known {
  order: VenueOrder;
  readonly toldFills: Set<string>;
}

class PolledAccount {
  readonly #options: PollAccountOptions;
  readonly #known = new Map<string, Known>();
  /** Those that should rest, were asked for, and are still neither listed nor known to have ended. */
  readonly #notShown = new Set<string>();

  constructor(options: PollAccountOptions) {
    this.#options = options;
  }

  async poll(): Promise<void> {
    const { reader, resting } = this.#options;
    // As it was before the list was asked for: what comes to rest meanwhile may rightly be missing there.
    const rests = resting();
    const open = await reader.openOrders();
    const listed = new Set(open.map((order) => order.venueOrderId));
    const failed: unknown[] = [];
    // One that cannot be read holds up no other.
    const attempt = (work: Promise<void>): Promise<void> => work.catch((error: unknown) => void failed.push(error));
    for (const order of open) await attempt(this.#see(order));
    for (const order of [...this.#gone(listed), ...this.#neverSeen(listed, rests)]) await attempt(this.#lookUp(order));
    if (failed.length > 0) throw failed[0];
  }

  async #lookUp({ instrument, clientOrderId, venueOrderId }: RestingOrder): Promise<void> {
    const seen = await this.#options.reader.lookUp(instrument, clientOrderId);
    if (seen.kind === 'found' && seen.order.venueOrderId === venueOrderId) await this.#see(seen.order);
  }

  #gone(listed: ReadonlySet<string>): readonly RestingOrder[] {
    return [...this.#known.values()].map(({ order }) => order).filter(({ venueOrderId }) => !listed.has(venueOrderId));
  }

  /** Each at once, and of those that no look-up has shown one a poll, in turn: what a venue does not show is not asked for beyond the plan. */
  #neverSeen(listed: ReadonlySet<string>, resting: readonly RestingOrder[]): readonly RestingOrder[] {
    const wanted = new Map(
      resting.filter(({ venueOrderId: id }) => !listed.has(id) && !this.#known.has(id)).map((order) => [order.venueOrderId, order]),
    );
    for (const id of this.#notShown) if (!wanted.has(id)) this.#notShown.delete(id);
    const [again] = this.#notShown;
    const asked = [...wanted.values()].filter(({ venueOrderId: id }) => id === again || !this.#notShown.has(id));
    // What is asked for again goes to the end of the row.
    if (again !== undefined) this.#notShown.delete(again);
    for (const { venueOrderId } of asked) this.#notShown.add(venueOrderId);
    return asked;
  }

  /** Fills go before the order: an order is not final before its fills are known. */
  async #see(order: VenueOrder): Promise<void> {
    const { reader, onEvent } = this.#options;
    const known = this.#known.get(order.venueOrderId);
    const toldFills = known?.toldFills ?? new Set<string>();
    if (order.executedQuantity !== (known?.order.executedQuantity ?? '0')) {
      for (const fill of await reader.fillsOfOrder(order.instrument, order.venueOrderId)) {
        if (toldFills.has(fill.venueTradeId)) continue;
        toldFills.add(fill.venueTradeId);
        onEvent({ kind: 'fill', fill });
      }
    }
    if (known === undefined || hasChanged(known.order, order)) onEvent({ kind: 'order', order });
    if (FINAL.has(order.status)) this.#known.delete(order.venueOrderId);
    else this.#known.set(order.venueOrderId, { order, toldFills });
  }
}

function hasChanged(before: VenueOrder, now: VenueOrder): boolean {
  return before.status !== now.status || before.executedQuantity !== now.executedQuantity || before.isTriggered !== now.isTriggered;
}
