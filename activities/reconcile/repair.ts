import type { Repair } from '../../core/reconcile/difference.js';
import { adopt, bookFill } from '../order/evidence.js';
import { createResolve } from '../order/resolve.js';
import type { Venue, VenueReader } from '../ports/venue.js';
import type { ReconcileDependencies } from './dependencies.js';

/**
 * Does what needs nobody's consent, by the same statements as whoever would have seen it first: a fill is booked as the venue
 * tells it, an order is asked for, an owner is woken. Nothing is invented, and done twice it changes nothing.
 */
export function createRepair(
  { books, owners, runs, reconciliations }: Pick<ReconcileDependencies, 'books' | 'owners' | 'runs' | 'reconciliations'>,
  account: string,
  venue: Venue,
  reader: VenueReader,
): (repair: Repair, differenceId: string) => Promise<void> {
  const resolve = createResolve({ ...books, venueOf: () => ({ ...venue, reader }) });
  return async (repair, differenceId) => {
    switch (repair.kind) {
      case 'bookFill':
        if ((await bookFill(books, account, repair.fill)) === undefined && !(await books.store.isBooked(account, repair.fill)))
          throw new Error('no order of ours explains the fill');
        return;
      case 'lookUp':
        await resolve(repair.intentId);
        return;
      case 'takeEvidence': {
        const seen = await reader.lookUp(repair.instrument, repair.clientOrderId);
        if (seen.kind === 'absent') return;
        const fills = await reader.fillsOfOrder(repair.instrument, seen.order.venueOrderId);
        await adopt(books, repair.intentId, seen.order, fills);
        return;
      }
      case 'bookRounding':
        await reconciliations.bookRounding(differenceId, books.epoch);
        return;
      case 'wakeOwner':
        await owners.wake(repair.key);
        return;
      case 'cancelOrder':
        await reader.cancel(repair.instrument, repair.clientOrderId);
        return;
      case 'cancelWorkflow':
        await runs.cancel(repair.workflowId);
    }
  };
}
