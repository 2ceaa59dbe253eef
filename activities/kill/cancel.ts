import { ordersToCancel, ordersToWithdraw } from '../../core/kill/verify.js';
import type { OpenOrder } from '../../core/kill/view.js';
import { adopt } from '../order/evidence.js';
import { createWithdraw } from '../order/resolve.js';
import type { VenueOrder } from '../ports/venue.js';
import type { KillDependencies } from './dependencies.js';
import { each } from './each.js';

/** At once: a venue counts requests, and its answer to one takes longer than our sending of ten. */
const AT_ONCE = 8;

export interface Canceled {
  /** Open orders at the venue that were asked to go. */
  readonly asked: number;
  /** Orders of ours that are not over yet. */
  readonly open: number;
}

/**
 * One round of canceling: what the venue shows to be open is canceled first, by one call each, but for what another has placed meanwhile; then every order of ours in
 * scope is taken one look-up further, until it is over (P11, P17). Those that a latch has kept from being sent are proven
 * unsent. Stops are left: they stay, or go with what is sold (P28).
 */
export function createKillCancel(dependencies: KillDependencies): (account: string) => Promise<Canceled> {
  const { kills, venueOf } = dependencies;
  const withdraw = createWithdraw(dependencies);
  return async (account) => {
    const view = await kills.readKill(account);
    const { reader } = venueOf(account);
    let asked = 0;
    const atVenue = async (): Promise<void> => {
      const shown = await reader.openOrders();
      const targets = new Set<OpenOrder>(ordersToCancel(view, shown));
      const known = new Set(view.working.map((order) => order.clientOrderId));
      await each(shown, AT_ONCE, async (order) => {
        if (!known.has(order.clientOrderId) && (await isAtWork(dependencies, account, order))) return;
        if (!targets.has(order)) return;
        asked += 1;
        await reader.cancel(order.instrument, order.clientOrderId);
      });
    };
    let open = 0;
    const written = async (): Promise<void> => {
      await each(ordersToWithdraw(view), AT_ONCE, async ({ intentId }) => {
        open += 1;
        if ((await withdraw(intentId, 'halt')).order.isFinal) open -= 1;
      });
    };
    // What is not sent yet is proven so by the ledger alone: no venue that is silent keeps that waiting.
    await each([atVenue, written], 1, (part) => part());
    return { asked, open };
  };
}

/**
 * What our books know of an order that the venue shows, and that was not at work when they were read. One that they had closed is
 * evidence, which is never dropped (P13).
 * @returns whether it is at work now: another has placed it since (a stop, in a round of the same halt), and it may have to stay. The next
 * round, which knows it, tells.
 */
async function isAtWork(
  { store, epoch }: KillDependencies,
  account: string,
  { instrument, clientOrderId, venueOrderId, ...rest }: VenueOrder,
): Promise<boolean> {
  const order = await store.orderByVenueIds({ account, instrument, clientOrderId, venueOrderId });
  if (order === undefined) return false;
  const adopted = await adopt({ store, epoch }, order.intentId, { instrument, clientOrderId, venueOrderId, ...rest }, []);
  return !adopted.isFinal;
}
