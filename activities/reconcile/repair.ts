import type { Repair } from '../../core/reconcile/difference.js';
import { adopt, bookFill } from '../order/evidence.js';
import { createResolve, createWithdraw } from '../order/resolve.js';
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
  const orders = { ...books, venueOf: () => ({ ...venue, reader }) };
  const [resolve, withdraw] = [createResolve(orders), createWithdraw(orders)];
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
        await owners.revive(repair.key);
        return;
      case 'cancelOrder': {
        const { instrument, clientOrderId } = repair;
        await books.store.checkEpoch(books.epoch);
        const order = await books.store.orderByVenueIds({ account, instrument, clientOrderId });
        // Of what works of ours the wish is on record: what the venue then shows is no other hand's doing.
        if (order !== undefined && !order.isFinal && order.venueOrderId !== null) await withdraw(order.intentId, 'decision');
        else await reader.cancel(instrument, clientOrderId);
        return;
      }
      case 'cancelWorkflow':
        await runs.cancel(repair.workflowId);
    }
  };
}
