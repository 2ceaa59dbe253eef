import type { StreamEvent, VenueOrder, VenueReader } from '../../activities/ports/venue.js';
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
  readonly onEvent: (event: StreamEvent) => void;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

const FINAL: ReadonlySet<VenueOrder['status']> = new Set(['filled', 'canceled', 'expired', 'rejected']);

/**
 * The account of a venue whose stream is not used: open orders are listed each `pollMs`, what changed is told with its
 * fills, and what is no longer listed is looked up. A poll that fails after a good one is told as a gap, and so is the
 * next good one.
 */
export async function pollAccount(options: PollAccountOptions): Promise<void> {
  const { onEvent, clock, signal, pace } = options;
  const account = new PolledAccount(options);
  let state: 'new' | 'live' | 'lost' = 'new';
  let catchUpTime = clock();
  while (!signal.aborted) {
    const { pollMs, catchUpMs } = pace();
    try {
      await account.poll();
      if (state !== 'live' || clock() - catchUpTime >= catchUpMs) {
        catchUpTime = clock();
        onEvent({ kind: 'gap', reason: 'polled: what came and went between two polls is not told' });
      }
      state = 'live';
    } catch (error) {
      if (state !== 'lost') onEvent({ kind: 'gap', reason: plainDetail(error) });
      state = 'lost';
    }
    await pause(pollMs, signal);
  }
}

interface Known {
  order: VenueOrder;
  readonly toldFills: Set<string>;
}

class PolledAccount {
  readonly #options: PollAccountOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: PollAccountOptions) {
    this.#options = options;
  }

  async poll(): Promise<void> {
    const { reader } = this.#options;
    const open = await reader.openOrders();
    const listed = new Set(open.map((order) => order.venueOrderId));
    for (const order of open) await this.#see(order);
    for (const [venueOrderId, { order }] of this.#known) {
      if (listed.has(venueOrderId)) continue;
      const seen = await reader.lookUp(order.instrument, order.clientOrderId);
      if (seen.kind === 'found' && seen.order.venueOrderId === venueOrderId) await this.#see(seen.order);
    }
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
