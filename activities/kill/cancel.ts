import { ordersToCancel, ordersToWithdraw } from '../../core/kill/verify.js';
import type { OpenOrder } from '../../core/kill/view.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { adopt } from '../order/evidence.js';
import { createWithdraw } from '../order/resolve.js';
import type { VenueOrder } from '../ports/venue.js';
import { takeTurns } from '../turns.js';
import type { KillDependencies } from './dependencies.js';
import { each } from '../each.js';
import { ShownOrders } from './shown-orders.js';

/** At once: a venue counts requests, and its answer to one takes longer than our sending of ten. */
const AT_ONCE = 8;
/**
 * So long after a round has begun no more of the venue's list, or of our orders, is begun: a venue that hangs takes its whole time for each,
 * and what comes after the canceling is not to wait for all. The next round begins with the rest.
 */
const AT_VENUE_MS = 15_000;
const WRITTEN_MS = 30_000;

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
 * @param shownBefore what the look of the round before has shown: where nothing of it has to go the venue is not asked again for what is open
 */
export function createKillCancel(
  dependencies: KillDependencies,
  shownBefore: ShownOrders = new ShownOrders(),
): (account: string) => Promise<Canceled> {
  const { kills, venueOf, clock } = dependencies;
  const withdraw = createWithdraw(dependencies);
  /** How often each was asked for that is still there, by its name. */
  const turns = new Map<string, ReadonlyMap<string, number>>();
  return async (account) => {
    const view = await kills.readKill(account);
    const turn = takeTurns(turns.get(account));
    turns.set(account, turn.after);
    const { reader } = venueOf(account);
    const since = clock();
    let asked = 0;
    const isNothingOpen = shownBefore.isNothingToCancel(account, view, since);
    const atVenue = async (): Promise<void> => {
      if (isNothingOpen) return;
      const shown = await reader.openOrders();
      const targets = new Set<OpenOrder>(ordersToCancel(view, shown));
      const known = new Set(view.working.map((order) => order.clientOrderId));
      await each(
        turn.inTurn(shown, ({ clientOrderId }) => clientOrderId),
        AT_ONCE,
        async (order) => {
          if (clock() >= since + AT_VENUE_MS) return;
          turn.took(order.clientOrderId);
          if (!known.has(order.clientOrderId) && (await isAtWork(dependencies, account, order))) return;
          if (!targets.has(order)) return;
          asked += 1;
          await reader.cancel(order.instrument, order.clientOrderId);
        },
      );
    };
    const ours = ordersToWithdraw(view);
    let open = ours.length;
    const written = async (orders: readonly StoredOrder[]): Promise<void> => {
      await each(
        turn.inTurn(orders, ({ intentId }) => intentId),
        AT_ONCE,
        async ({ intentId }) => {
          if (clock() >= since + WRITTEN_MS) return;
          turn.took(intentId);
          if ((await withdraw(intentId, 'halt')).order.isFinal) open -= 1;
        },
      );
    };
    const isAtVenue = ({ venueOrderId }: StoredOrder): boolean => venueOrderId !== null;
    const isUnsent = ({ status }: StoredOrder): boolean => status === 'authorised';
    // What is not sent yet is proven so by the ledger alone: no venue that is silent, or that hangs, keeps that waiting. What may be
    // on the wire is fenced beside it; what the venue has is looked up after its cancel.
    const parts = [
      () => written(ours.filter(isUnsent)),
      () => written(ours.filter((order) => !isUnsent(order) && !isAtVenue(order))),
      () => each([atVenue, () => written(ours.filter(isAtVenue))], 1, (part) => part()),
    ];
    await each(parts, parts.length, (part) => part());
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
