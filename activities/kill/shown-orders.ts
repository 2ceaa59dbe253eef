import { isNothingToCancel, latchName } from '../../core/kill/verify.js';
import type { KillView } from '../../core/kill/view.js';
import type { VenueOrder } from '../ports/venue.js';

interface Shown {
  readonly under: string;
  readonly orders: readonly VenueOrder[];
  /** When the venue was asked, by our clock. */
  readonly time: number;
}

/** As long as the longest wait between two rounds where nothing is wrong. */
const SERVES_MS = 30_000;

const underOf = ({ latches }: KillView): string => latches.map(latchName).join('+');

/**
 * What a look has shown to be open, for the round that comes after it: a list of all open orders costs more than all else that a round asks a
 * venue for. It only says that there is nothing to cancel; the look of that same round lists what is open anew, and what is open then is canceled by the next.
 */
export class ShownOrders {
  private readonly byAccount = new Map<string, Shown>();

  saw(account: string, view: KillView, orders: readonly VenueOrder[], time: number): void {
    this.byAccount.set(account, { under: underOf(view), orders, time });
  }

  /** Whether the last look, a moment ago and under the same halts, showed nothing that would have to go now. It says so once. */
  isNothingToCancel(account: string, view: KillView, now: number): boolean {
    const shown = this.byAccount.get(account);
    this.byAccount.delete(account);
    if (shown === undefined || shown.under !== underOf(view) || Math.abs(now - shown.time) > SERVES_MS) return false;
    return isNothingToCancel(view, shown.orders);
  }
}
